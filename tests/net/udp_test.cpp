// SPDX-License-Identifier: MIT
// Covers udp_socket: datagrams, their limits, multicast, errors, against python3 too.

#include "net_fixture.hpp"

#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <vector>

using namespace fixture;

namespace {

/// Sends what goes to groups out by the loopback, where there need not be a route.
void send_groups_by_loopback(coir::udp_socket& socket) {
    ip_mreqn out{};
    out.imr_ifindex = static_cast<int>(::if_nametoindex("lo"));
    CHECK(::setsockopt(socket.native_handle(), IPPROTO_IP, IP_MULTICAST_IF, &out, sizeof out) == 0);
}

} // namespace

TEST_CASE("a datagram goes to its address and tells where it came from") {
    for_each_io([] {
        auto server = coir::udp_socket::bind("127.0.0.1", 0);
        auto client = coir::udp_socket::bind("127.0.0.1", 0);
        CHECK(client.send_to("ping", server.local_endpoint()) == 4);
        std::array<char, 16> memory{};
        const auto [size, from] = server.receive_from(memory);
        CHECK(std::string_view{memory.data(), size} == "ping");
        CHECK(from == client.local_endpoint());
        CHECK(server.send_to("", from) == 0);
        CHECK(client.receive(memory) == 0); // an empty datagram, not the end of anything
    });
}

TEST_CASE("a receiver waits, and datagrams keep their borders") {
    for_each_io([] {
        auto server = coir::udp_socket::bind("127.0.0.1", 0);
        auto receiver = coir::go([&] {
            std::vector<std::string> got;
            std::array<char, 100> memory{};
            for (int i = 0; i < 3; ++i) got.emplace_back(memory.data(), server.receive(memory));
            return got;
        });
        for (int i = 0; i < 10; ++i) coir::yield();
        auto client = coir::udp_socket::connect(server.local_endpoint());
        for (const char* text : {"one", "twenty", "300"}) client.send(std::string_view{text});
        CHECK(receiver.join() == std::vector<std::string>{"one", "twenty", "300"});
    });
}

TEST_CASE("a datagram that does not fit is message_size and never cut in silence") {
    for_each_io([] {
        auto server = coir::udp_socket::bind("127.0.0.1", 0);
        auto client = coir::udp_socket::connect("127.0.0.1", server.local_endpoint().port());
        std::array<char, 4> memory{};
        client.send("12345");
        client.send("1234");
        CHECK(error_of([&] { server.receive_from(memory); }) == std::errc::message_size);
        CHECK(server.receive(memory) == 4);
        client.send("12345");
        std::error_code error;
        const auto [size, from] = server.receive_from(memory, error);
        CHECK(error == std::errc::message_size);
        CHECK(size == 0);
        CHECK(from == client.local_endpoint());
        const std::string huge(70'000, 'x');
        CHECK(error_of([&] { client.send(huge); }) == std::errc::message_size);
        CHECK(error_of([&] { client.send_to(huge, server.local_endpoint()); }) ==
              std::errc::message_size);
    });
}

TEST_CASE("a connected socket hears only its peer, and that nobody listens") {
    for_each_io([] {
        auto peer = coir::udp_socket::bind("127.0.0.1", 0);
        auto stranger = coir::udp_socket::bind("127.0.0.1", 0);
        auto client = coir::udp_socket::connect(peer.local_endpoint());
        CHECK(client.remote_endpoint() == peer.local_endpoint());
        stranger.send_to("noise", client.local_endpoint());
        peer.send_to("signal", client.local_endpoint());
        std::array<char, 16> memory{};
        CHECK(client.receive(memory) == 6);
        peer.close();
        client.send("anybody?");
        CHECK(error_of([&] { client.receive(memory); }) == std::errc::connection_refused);
    });
}

TEST_CASE("one socket serves IPv4 and IPv6, with the addresses of each") {
    for_each_io([] {
        std::error_code error;
        auto server = coir::udp_socket::bind("::", 0, error);
        if (error) return; // no IPv6 here
        auto v4 = coir::udp_socket::bind("127.0.0.1", 0);
        const std::uint16_t port = server.local_endpoint().port();
        v4.send_to("4", coir::endpoint{"127.0.0.1", port});
        std::array<char, 16> memory{};
        const auto [size, from] = server.receive_from(memory);
        CHECK(from == v4.local_endpoint());
        CHECK(server.send_to("back", from) == 4);
        CHECK(v4.receive(memory) == 4);
    });
}

TEST_CASE("closed and bound addresses are told by their errors") {
    for_each_io([] {
        coir::udp_socket closed;
        std::array<char, 4> memory{};
        CHECK(error_of([&] { closed.receive(memory); }) == std::errc::bad_file_descriptor);
        CHECK(error_of([&] { closed.send("x"); }) == std::errc::bad_file_descriptor);
        CHECK(error_of([&] { static_cast<void>(closed.local_endpoint()); }) ==
              std::errc::bad_file_descriptor);
        auto taken = coir::udp_socket::bind("127.0.0.1", 0);
        const std::uint16_t port = taken.local_endpoint().port();
        CHECK(error_of([&] { static_cast<void>(coir::udp_socket::bind("127.0.0.1", port)); }) ==
              std::errc::address_in_use);
        CHECK(text_of([&] {
                  static_cast<void>(coir::udp_socket::bind("127.0.0.1", port));
              }).starts_with("bind 127.0.0.1:" + std::to_string(port)));
        CHECK(error_of([&] { taken.send("x"); }) == std::errc::destination_address_required);
    });
}

TEST_CASE("close ends a receive, cancellation too, and neither takes a datagram along") {
    for_each_io([] {
        auto server = coir::udp_socket::bind("127.0.0.1", 0);
        auto client = coir::udp_socket::connect(server.local_endpoint());
        std::array<char, 4> memory{};
        auto waits = coir::go([&] { server.receive(memory); });
        for (int i = 0; i < 5; ++i) coir::yield();
        waits.request_stop();
        CHECK_THROWS_AS(waits.join(), coir::task_cancelled);
        client.send("kept");
        CHECK(server.receive(memory) == 4);
        auto ended = coir::go([&] { server.receive(memory); });
        for (int i = 0; i < 5; ++i) coir::yield();
        server.close();
        const std::error_code error = error_of([&] { ended.join(); });
        CHECK((error == std::errc::operation_canceled || error == std::errc::bad_file_descriptor));
    });
}

TEST_CASE("a socket stands in select") {
    for_each_io([] {
        auto server = coir::udp_socket::bind("127.0.0.1", 0);
        auto client = coir::udp_socket::connect(server.local_endpoint());
        CHECK(coir::select(server.on_readable(), coir::on_timeout(1ms)) == 1);
        CHECK(coir::select(client.on_writable(), coir::otherwise()) == 0);
        auto sender = coir::go([&] { client.send("now"); });
        std::size_t size = 0;
        std::array<char, 16> memory{};
        CHECK(coir::select(server.on_readable([&] { size = server.receive(memory); }),
                           coir::on_timeout(10s)) == 0);
        CHECK(size == 3);
        sender.join();
    });
}

TEST_CASE("a group's members get what is sent to it until they leave") {
    for_each_io([] {
        const coir::endpoint group{"239.255.77.1", 0};
        auto first = coir::udp_socket::bind("0.0.0.0", 0, {.reuse_port = true});
        first.join_multicast(group.address(), "lo");
        auto sender = coir::udp_socket::bind("127.0.0.1", 0);
        send_groups_by_loopback(sender);
        const coir::endpoint everybody{group.address(), first.local_endpoint().port()};
        sender.send_to("all", everybody);
        std::array<char, 16> memory{};
        CHECK(coir::with_timeout(5s, [&] { return first.receive(memory); }) == 3);
        first.leave_multicast(group.address(), "lo");
        sender.send_to("nobody", everybody);
        CHECK(coir::select(first.on_readable(), coir::on_timeout(20ms)) == 1);
        CHECK(error_of([&] { first.join_multicast("127.0.0.1"); }) == std::errc::invalid_argument);
        CHECK(error_of([&] { first.join_multicast("nonsense"); }) == std::errc::invalid_argument);
        CHECK(error_of([&] { first.join_multicast(group.address(), "no-such-0"); }) ==
              std::errc::no_such_device);
    });
}

TEST_CASE("python3 is understood and understands") {
    for_each_io([] {
        auto server = coir::udp_socket::bind("127.0.0.1", 0);
        const std::string port = std::to_string(server.local_endpoint().port());
        auto foreign = coir::go([&port] {
            return coir::blocking([&port] {
                return shell("python3 -c 'import socket\n"
                             "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
                             "s.settimeout(20)\n"
                             "s.sendto(b\"x\" * 60000, (\"127.0.0.1\", " +
                             port +
                             "))\n"
                             "d, a = s.recvfrom(65536)\n"
                             "print(len(d), a[1] == " +
                             port + ")'");
            });
        });
        std::string memory(65'536, '\0');
        const auto [size, from] = server.receive_from(memory);
        CHECK(size == 60'000);
        CHECK(memory.substr(0, size) == std::string(60'000, 'x'));
        server.send_to(std::string(12'345, 'y'), from);
        CHECK(foreign.join() == "12345 True\n");
    });
}

TEST_CASE("many clients, two receivers, nothing lost on the loopback") {
    for_each_io([] {
        auto server = coir::udp_socket::bind("127.0.0.1", 0);
        constexpr int clients = 20;
        const int rounds = scaled(50);
        std::vector<coir::task<void>> servers;
        for (int i = 0; i < 2; ++i) {
            servers.push_back(coir::go([&] {
                std::array<char, 64> memory{};
                for (;;) {
                    std::error_code error;
                    const auto [size, from] = server.receive_from(memory, error);
                    if (error) return;
                    server.send_to(std::string_view{memory.data(), size}, from);
                }
            }));
        }
        coir::task_group group;
        for (int client = 0; client < clients; ++client) {
            group.go([&, client] {
                auto socket = coir::udp_socket::connect(server.local_endpoint());
                std::array<char, 64> memory{};
                for (int i = 0; i < rounds; ++i) {
                    const std::string text = std::to_string(client) + ":" + std::to_string(i);
                    socket.send(text);
                    const std::size_t size = socket.receive(memory);
                    CHECK(std::string_view{memory.data(), size} == text);
                }
            });
        }
        group.wait();
        server.close();
        for (auto& one : servers) one.join();
    });
}
