// SPDX-License-Identifier: MIT
// Covers what TCP over the simulated network says when something ends, fails or is not there.

#include "fixture.hpp"
#include "io_fixture.hpp"
#include "streams.hpp"

#include <coir/testing.hpp>

#include <string>
#include <system_error>
#include <vector>

using namespace fixture;
using coir::testing::simulate;

TEST_CASE("errors are the kernel's") {
    simulate([] {
        std::error_code error;
        static_cast<void>(coir::tcp_stream::connect("127.0.0.1", 81, error));
        CHECK(error == std::errc::connection_refused);
        static_cast<void>(coir::tcp_stream::connect("192.0.2.1", 81, error));
        CHECK(error == std::errc::host_unreachable);
        static_cast<void>(coir::tcp_stream::connect("nobody", 81, error));
        CHECK(error.category() == coir::resolve_category());
        auto first = coir::tcp_listener::bind("127.0.0.1", 82);
        static_cast<void>(coir::tcp_listener::bind("127.0.0.1", 82, error));
        CHECK(error == std::errc::address_in_use);
        static_cast<void>(coir::tcp_listener::bind("", 82, error));
        CHECK(error == std::errc::address_in_use);
        first.close();
        first = coir::tcp_listener::bind("127.0.0.1", 82, error);
        CHECK(!error);
        pair_of_streams made;
        made.client.shutdown_write();
        CHECK(error_of([&] { made.client.write_all("x"); }) == std::errc::broken_pipe);
        made.client.close();
        CHECK(error_of([&] { made.client.write_all("x"); }) == std::errc::bad_file_descriptor);
    });
}

TEST_CASE("data that was left unread at a close resets the connection") {
    simulate([] {
        pair_of_streams made;
        made.server.write_all("answer");
        made.client.write_all("never read");
        coir::sleep_for(1s);
        made.server.close();
        std::array<char, 6> answer{};
        made.client.read_exactly(std::span{answer}); // it had arrived before
        CHECK(error_of([&] { read_all(made.client); }) == std::errc::connection_reset);
        CHECK(read_all(made.client).empty());
        CHECK(error_of([&] { made.client.write_all("x"); }) == std::errc::broken_pipe);
    });
}

TEST_CASE("a write to a peer that has closed is answered by a reset") {
    simulate([] {
        pair_of_streams made;
        made.server.close();
        CHECK(read_all(made.client).empty());
        made.client.write_all("nobody reads this");
        coir::sleep_for(1s);
        CHECK(error_of([&] { made.client.write_all("x"); }) == std::errc::broken_pipe);
        pair_of_streams other;
        other.client.set_linger(0s);
        other.client.close();
        CHECK(error_of([&] { read_all(other.server); }) == std::errc::connection_reset);
    });
}

TEST_CASE("a listener that closes resets those that were not accepted") {
    simulate([] {
        auto listener = coir::tcp_listener::bind("127.0.0.1", 0);
        auto client = coir::tcp_stream::connect(listener.local_endpoint());
        coir::sleep_for(1s);
        listener.close();
        CHECK(error_of([&] { read_all(client); }) == std::errc::connection_reset);
    });
}

TEST_CASE("a full backlog makes who connects try again") {
    simulate([] {
        auto listener = coir::tcp_listener::bind("127.0.0.1", 0, {.backlog = 0});
        auto first = coir::tcp_stream::connect(listener.local_endpoint());
        coir::sleep_for(1s);
        const auto start = coir::clock::now();
        auto second =
            coir::go([&] { return coir::tcp_stream::connect(listener.local_endpoint()); });
        coir::sleep_for(2s);
        auto accepted = listener.accept();
        second.join();
        CHECK(coir::clock::now() - start > 3s);
        CHECK(coir::clock::now() - start < 4s);
    });
}

TEST_CASE("a server that waits for ever is a deadlock, and one left behind a leak") {
    const auto text_of = [](auto body) {
        try {
            simulate(body);
        } catch (const coir::testing::failure& failed) {
            return std::string{failed.what()};
        }
        return std::string{};
    };
    const auto deadlock = text_of([] {
        auto listener = coir::tcp_listener::bind("127.0.0.1", 0);
        auto stream = listener.accept();
    });
    CHECK(deadlock.find("deadlock") != std::string::npos);
    CHECK(deadlock.find("accepts from socket") != std::string::npos);
    const auto leak = text_of([] {
        coir::go([listener = coir::tcp_listener::bind("", 0)]() mutable {
            static_cast<void>(listener.accept());
        });
    });
    CHECK(leak.find("leak") != std::string::npos);
    // But what is under way arrives.
    CHECK(text_of([] {
              pair_of_streams made;
              coir::go([stream = std::move(made.server)]() mutable { read_all(stream); });
          }).empty());
}

TEST_CASE("other I/O is refused") {
    simulate([] {
        std::error_code error;
        static_cast<void>(coir::udp_socket::bind("127.0.0.1", 0, error));
        CHECK(error == std::errc::operation_not_supported);
        static_cast<void>(coir::unix_listener::bind(std::string{"\0coir", 5}, error));
        CHECK(error == std::errc::operation_not_supported);
        auto [reader, writer] = coir::pipe();
        CHECK(error_of([&] { writer.write_all("x"); }) == std::errc::operation_not_supported);
        const auto wait_for_pipe = [&] { coir::select(reader.on_readable()); };
        CHECK(error_of(wait_for_pipe) == std::errc::operation_not_supported);
    });
}
