// SPDX-License-Identifier: MIT
#pragma once
// Owns what the tests of the simulated network share: a connected pair, and a way to read it.

#include <coir/net/tcp.hpp>

#include <array>
#include <span>
#include <string>

namespace fixture {

struct pair_of_streams {
    coir::tcp_listener listener = coir::tcp_listener::bind("127.0.0.1", 0);
    coir::tcp_stream client = coir::tcp_stream::connect(listener.local_endpoint());
    coir::tcp_stream server = listener.accept();
};

inline std::string read_all(coir::tcp_stream& from) {
    std::string all;
    std::array<char, 100> buffer{};
    while (const std::size_t count = from.read(std::span{buffer})) all.append(buffer.data(), count);
    return all;
}

} // namespace fixture
