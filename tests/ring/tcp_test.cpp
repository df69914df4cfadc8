// SPDX-License-Identifier: MIT
#include "ring/poller_fixture.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

namespace {

using namespace coir::detail;
using namespace coir::detail::testing;

struct listening {
    descriptor socket;
    sockaddr_in address;
};

listening listen_on_loopback(poller& poller) {
    const int flags = SOCK_CLOEXEC | (poller.prefers_nonblocking() ? SOCK_NONBLOCK : 0);
    listening made{descriptor(::socket(AF_INET, SOCK_STREAM | flags, 0)), {}};
    made.address.sin_family = AF_INET;
    made.address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof made.address;
    auto* const address = reinterpret_cast<sockaddr*>(&made.address);
    REQUIRE(::bind(made.socket.get(), address, length) == 0);
    REQUIRE(::listen(made.socket.get(), 16) == 0);
    REQUIRE(::getsockname(made.socket.get(), address, &length) == 0);
    return made;
}

TEST_CASE("streams: accept, connect and a conversation over TCP") {
    on_both_backends([](poller& poller) {
        for (const int mode : {0, int{SOCK_NONBLOCK}}) { // what suits the other backend works too
            const listening server = listen_on_loopback(poller);
            ::fcntl(server.socket.get(), F_SETFL, mode == 0 ? 0 : O_NONBLOCK);
            sockaddr_in peer{};
            socklen_t peer_length = sizeof peer;
            operation accept;
            poller.submit(accept,
                          request::accept(server.socket.get(), reinterpret_cast<sockaddr*>(&peer),
                                          &peer_length, SOCK_CLOEXEC | mode));
            poller.poll();
            CHECK_FALSE(accept.done());
            const descriptor client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | mode, 0));
            CHECK(complete(poller,
                           request::connect(client.get(),
                                            reinterpret_cast<const sockaddr*>(&server.address),
                                            sizeof server.address)) == 0);
            wait_until(poller, [&] { return accept.done(); });
            REQUIRE(accept.result >= 0);
            const descriptor served(accept.result);
            CHECK(peer.sin_addr.s_addr == ::htonl(INADDR_LOOPBACK));
            CHECK(peer_length == sizeof peer);
            std::array<char, 64> buffer{};
            for (int turn = 0; turn < 100; ++turn) {
                operation receive;
                poller.submit(receive, request::recv(served.get(), buffer.data(), buffer.size()));
                CHECK(complete(poller, request::send(client.get(), "ping", 4)) == 4);
                wait_until(poller, [&] { return receive.done(); });
                CHECK(receive.result == 4);
                CHECK(complete(poller, request::write(served.get(), "pong!", 5)) == 5);
                CHECK(complete(poller, request::read(client.get(), buffer.data(), 64)) == 5);
            }
        }
    });
}

TEST_CASE("streams: a refused connection says so") {
    on_both_backends([](poller& poller) {
        listening server = listen_on_loopback(poller);
        server.socket.close();
        const int flags = poller.prefers_nonblocking() ? SOCK_NONBLOCK : 0;
        const descriptor client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0));
        const auto* const address = reinterpret_cast<const sockaddr*>(&server.address);
        CHECK(complete(poller, request::connect(client.get(), address, sizeof server.address)) ==
              -ECONNREFUSED);
    });
}

TEST_CASE("streams: a descriptor number that was closed and opened again starts afresh") {
    on_both_backends([](poller& poller) {
        int previous = -1;
        int reused = 0;
        for (int turn = 0; turn < 200; ++turn) {
            auto [left, right] = socket_pair(poller);
            // A duplicate keeps the old file alive, and with it what epoll knows of the number.
            const descriptor duplicate(turn % 2 == 0 ? ::dup(left.get()) : -1);
            if (left.get() == previous) ++reused;
            previous = left.get();
            char byte = 0;
            operation cancelled;
            poller.submit(cancelled, request::recv(left.get(), &byte, 1));
            poller.poll();
            if (turn % 3 == 0) {
                poller.cancel(cancelled);
            } else {
                REQUIRE(::send(right.get(), "x", 1, 0) == 1);
            }
            wait_until(poller, [&] { return cancelled.done(); });
            CHECK(cancelled.result == (turn % 3 == 0 ? -ECANCELED : 1));
        }
        CHECK(reused > 100);
    });
}

} // namespace
