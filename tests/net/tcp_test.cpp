// SPDX-License-Identifier: MIT
// Covers TCP: options, addresses and twins, what breaks connections, and what errors tell.

#include "child_process.hpp"
#include "net_fixture.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vector>

using namespace fixture;

namespace {

int option(int fd, int level, int name) {
    int value = -1;
    socklen_t size = sizeof value;
    CHECK(::getsockopt(fd, level, name, &value, &size) == 0);
    return value;
}

/// A port of 127.0.0.1 that nobody listens at, as long as this lives: it is bound, no more.
class silent_port {
public:
    explicit silent_port(std::uint16_t port)
        : fd_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        bound_ = ::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    }
    silent_port(const silent_port&) = delete;
    silent_port& operator=(const silent_port&) = delete;
    ~silent_port() { ::close(fd_); }
    bool bound() const { return bound_; }

private:
    const int fd_;
    bool bound_ = false;
};

} // namespace

TEST_CASE("options reach the kernel") {
    for_each_io([] {
        auto [client, server] = make_tcp_pair();
        client.set_no_delay(true);
        CHECK(option(client.native_handle(), IPPROTO_TCP, TCP_NODELAY) != 0);
        client.set_keep_alive({.idle = 30s, .interval = 5s, .count = 3});
        CHECK(option(client.native_handle(), SOL_SOCKET, SO_KEEPALIVE) != 0);
        CHECK(option(client.native_handle(), IPPROTO_TCP, TCP_KEEPIDLE) == 30);
        CHECK(option(client.native_handle(), IPPROTO_TCP, TCP_KEEPINTVL) == 5);
        CHECK(option(client.native_handle(), IPPROTO_TCP, TCP_KEEPCNT) == 3);
        client.set_keep_alive(false);
        CHECK(option(client.native_handle(), SOL_SOCKET, SO_KEEPALIVE) == 0);
    });
}

TEST_CASE("a linger of zero resets at close") {
    for_each_io([] {
        auto [client, server] = make_tcp_pair();
        client.set_linger(0s);
        client.close();
        std::array<char, 1> byte{};
        CHECK(error_of([&] { server.read(byte); }) == std::errc::connection_reset);
    });
}

TEST_CASE("a port is shared only by those who all say so") {
    for_each_io([] {
        auto first = coir::tcp_listener::bind("127.0.0.1", 0, {.reuse_port = true});
        const std::uint16_t port = first.local_endpoint().port();
        auto second = coir::tcp_listener::bind("127.0.0.1", port, {.reuse_port = true});
        CHECK(second.local_endpoint() == first.local_endpoint());
        std::error_code error;
        CHECK(!coir::tcp_listener::bind("127.0.0.1", port, error));
        CHECK(error == std::errc::address_in_use);
    });
}

TEST_CASE("an IPv6 listener takes IPv4 unless told not to, and tells addresses as they are") {
    for_each_io([] {
        std::error_code error;
        auto both = coir::tcp_listener::bind("::", 0, error);
        if (error) return; // no IPv6 here
        auto client = coir::tcp_stream::connect("127.0.0.1", both.local_endpoint().port());
        auto server = both.accept();
        CHECK(server.remote_endpoint() == client.local_endpoint());
        CHECK(server.local_endpoint() == client.remote_endpoint());
        // Other programs may listen at the same port by IPv4, unless we have it; then we try again.
        bool tried = false;
        for (int i = 0; i < 100 && !tried; ++i) {
            auto only = coir::tcp_listener::bind("::", 0, {.v6_only = true});
            const coir::endpoint v4{"127.0.0.1", only.local_endpoint().port()};
            const silent_port ours{v4.port()};
            if (!ours.bound()) continue;
            tried = true;
            CHECK(!coir::tcp_stream::connect(v4, error));
            CHECK(error == std::errc::connection_refused);
        }
        CHECK(tried);
    });
}

TEST_CASE("twins report what the others throw, and errors carry call and address") {
    for_each_io([] {
        std::error_code error;
        coir::tcp_stream closed;
        static_cast<void>(closed.local_endpoint(error));
        CHECK(error == std::errc::bad_file_descriptor);
        static_cast<void>(closed.remote_endpoint(error));
        CHECK(error == std::errc::bad_file_descriptor);
        closed.set_no_delay(true, error);
        CHECK(error == std::errc::bad_file_descriptor);
        closed.set_linger(std::nullopt, error);
        CHECK(error == std::errc::bad_file_descriptor);
        closed.shutdown_write(error);
        CHECK(error == std::errc::bad_file_descriptor);
        CHECK(closed.write_all("x", error) == 0);
        CHECK(error == std::errc::bad_file_descriptor);

        auto [client, server] = make_tcp_pair();
        const std::string address = server.remote_endpoint().to_string();
        server.close();
        std::array<char, 1> byte{};
        CHECK(text_of([&] { server.read(byte); }).starts_with("read " + address));
        auto listener = coir::tcp_listener::bind("127.0.0.1", 0);
        const std::string where = listener.local_endpoint().to_string();
        listener.close();
        CHECK(
            text_of([&] { static_cast<void>(listener.accept()); }).starts_with("accept " + where));
        CHECK(text_of([&] {
                  static_cast<void>(coir::tcp_stream::connect("127.0.0.1", 1));
              }).starts_with("connect 127.0.0.1:1"));
    });
}

TEST_CASE("a reset is told to who reads and to who writes, without a signal") {
    for_each_io([] {
        auto [client, server] = make_tcp_pair();
        auto reading = coir::go([&server] { read_one(server); });
        for (int i = 0; i < 10; ++i) coir::yield();
        client.set_linger(0s);
        client.close();
        CHECK(error_of([&] { reading.join(); }) == std::errc::connection_reset);
        const std::string block(1 << 16, 'x');
        CHECK(error_of([&] {
                  for (;;) server.write_all(block);
              }) == std::errc::broken_pipe);
    });
}

CHILD("accepting with 64 descriptors") {
    const rlimit limit{64, 64};
    CHECK(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
    coir::run([] {
        auto listener = coir::tcp_listener::bind("127.0.0.1", 0);
        std::vector<int> fillers;
        for (int fd = ::dup(2); fd >= 0; fd = ::dup(2)) fillers.push_back(fd);
        const auto free_one = [&] {
            ::close(fillers.back());
            fillers.pop_back();
        };
        free_one();
        auto client = coir::tcp_stream::connect(listener.local_endpoint());
        // None is left: the connection waits, the error comes at once, by select as well.
        coir::tcp_stream server;
        const auto keep = [&](coir::tcp_stream stream) { server = std::move(stream); };
        CHECK(error_of([&] { coir::select(listener.on_accept(keep)); }) ==
              std::errc::too_many_files_open);
        CHECK(error_of([&] { static_cast<void>(listener.accept()); }) ==
              std::errc::too_many_files_open);
        free_one();
        CHECK(coir::select(listener.on_accept(keep)) == 0);
        CHECK(server.remote_endpoint() == client.local_endpoint());
        CHECK(error_of([&] {
                  static_cast<void>(coir::tcp_stream::connect(listener.local_endpoint()));
              }) == std::errc::too_many_files_open);
        while (!fillers.empty()) free_one();
    });
}

TEST_CASE("want of descriptors is an error, and the connection waits") {
    for (const std::string io : {"COIR_IO=automatic", "COIR_IO=epoll"}) {
        const outcome result = run_child("accepting with 64 descriptors", {io});
        INFO(result.out);
        CHECK(result.status == 0);
    }
}
