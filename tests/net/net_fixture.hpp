// SPDX-License-Identifier: MIT
#pragma once
// Owns what the tests of sockets add to those of I/O: connected pairs.

#include "io_fixture.hpp"

#include <utility>

namespace fixture {

struct tcp_pair {
    coir::tcp_stream client;
    coir::tcp_stream server;
};

inline tcp_pair make_tcp_pair() {
    coir::tcp_listener listener = coir::tcp_listener::bind("127.0.0.1", 0);
    coir::tcp_stream client = coir::tcp_stream::connect(listener.local_endpoint());
    return {std::move(client), listener.accept()};
}

template <class Stream> char read_one(Stream& stream) {
    char byte = 0;
    stream.read_exactly(std::span{&byte, 1});
    return byte;
}

} // namespace fixture
