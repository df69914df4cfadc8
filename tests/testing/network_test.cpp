// SPDX-License-Identifier: MIT
// Covers TCP over the simulated network: that it behaves as TCP does, in virtual time.

#include "fixture.hpp"
#include "io_fixture.hpp"
#include "streams.hpp"

#include <coir/testing.hpp>

#include <string>
#include <system_error>
#include <vector>

using namespace fixture;
using coir::testing::explore;
using coir::testing::simulate;

TEST_CASE("a client and a server talk, under every schedule") {
    const leak_check leaks;
    explore({.schedules = 300}, [] {
        auto listener = coir::tcp_listener::bind("127.0.0.1", 8080);
        coir::task_group serving;
        serving.go([&] {
            for (int i = 0; i < 2; ++i) {
                serving.go([stream = listener.accept()]() mutable {
                    coir::copy(stream, stream);
                    stream.shutdown_write();
                });
            }
        });
        const auto ask = [](const std::string& what) {
            auto stream = coir::tcp_stream::connect("localhost", 8080);
            stream.write_all(what);
            stream.shutdown_write();
            return read_all(stream);
        };
        const auto [one, other] = coir::all([&] { return ask("one"); }, [&] { return ask("two"); });
        CHECK(one == "one");
        CHECK(other == "two");
        serving.wait();
    });
}

TEST_CASE("what is sent takes the latency to arrive") {
    simulate({.network = {.latency = 50ms, .jitter = 0ns}}, [] {
        const auto start = coir::clock::now();
        pair_of_streams made;
        CHECK(coir::clock::now() - start == 150ms); // asked, answered, accepted
        made.client.write_all("x");
        CHECK(coir::clock::now() - start == 150ms);
        char byte = 0;
        made.server.read_exactly(std::span{&byte, 1});
        CHECK(coir::clock::now() - start == 200ms);
    });
}

TEST_CASE("order stays within a connection, and connections overtake each other") {
    int overtaken = 0;
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        simulate({.seed = seed, .network = {.latency = 1ms, .jitter = 10ms}}, [&] {
            std::array<pair_of_streams, 2> made;
            const coir::chan<int> arrived(coir::unbounded);
            coir::wait_group readers;
            for (int who = 0; who < 2; ++who) {
                readers.go([&, who] {
                    auto& stream = made[static_cast<std::size_t>(who)].server;
                    std::string all;
                    while (all.size() < 20) {
                        char byte = 0;
                        stream.read_exactly(std::span{&byte, 1});
                        if (all.empty()) static_cast<void>(arrived.send(who));
                        all += byte;
                    }
                    CHECK(all == "abcdefghijklmnopqrst");
                });
            }
            for (auto& each : made) {
                for (char c = 'a'; c <= 't'; ++c) each.client.write_all(std::string(1, c));
            }
            readers.wait();
            overtaken += *arrived.recv();
        });
    }
    CHECK(overtaken > 10);
    CHECK(overtaken < 40);
}

TEST_CASE("writers wait when the reader does not read") {
    simulate({.network = {.buffer = 1000}}, [] {
        pair_of_streams made;
        std::size_t read = 0;
        auto reader = coir::go([&] {
            coir::sleep_for(1h);
            std::array<char, 300> buffer{};
            while (const std::size_t count = made.server.read(std::span{buffer})) read += count;
        });
        const auto start = coir::clock::now();
        made.client.write_all(std::string(10'000, 'x'));
        CHECK(coir::clock::now() - start >= 59min);
        made.client.close();
        reader.join();
        CHECK(read == 10'000);
    });
}

TEST_CASE("writes may arrive in parts of any size") {
    std::size_t reads = 0;
    simulate({.network = {.jitter = 1ms, .split_probability = 1}}, [&] {
        pair_of_streams made;
        for (int i = 0; i < 20; ++i) made.client.write_all("0123456789");
        made.client.close();
        std::array<char, 1000> buffer{};
        std::size_t size = 0;
        while (const std::size_t count = made.server.read(std::span{buffer})) {
            size += count;
            ++reads;
        }
        CHECK(size == 200);
    });
    CHECK(reads > 15);
}

TEST_CASE("endpoints are those of a network") {
    simulate([] {
        const auto listener = coir::tcp_listener::bind("", 0);
        CHECK(listener.local_endpoint().port() >= 32'768);
        pair_of_streams made;
        CHECK(made.client.remote_endpoint() == made.listener.local_endpoint());
        CHECK(made.client.remote_endpoint() == made.server.local_endpoint());
        CHECK(made.client.local_endpoint() == made.server.remote_endpoint());
        CHECK(made.client.local_endpoint().address() == "127.0.0.1");
        made.client.set_no_delay(true);
        made.client.set_keep_alive({.idle = 10s});
        auto v6 = coir::tcp_listener::bind("::1", 0);
        auto client = coir::tcp_stream::connect(v6.local_endpoint());
        CHECK(v6.accept().remote_endpoint().to_string().starts_with("[::1]:"));
        auto everywhere = coir::tcp_listener::bind("", 99); // IPv6, and IPv4 by it
        client = coir::tcp_stream::connect("127.0.0.1", 99);
        CHECK(everywhere.accept().remote_endpoint().address() == "127.0.0.1");
    });
}

TEST_CASE("waits at sockets are cancelled, and ended by close") {
    explore({.schedules = 300}, [] {
        pair_of_streams made;
        char byte = 0;
        const auto read = [&] { made.server.read_exactly(std::span{&byte, 1}); };
        const auto accept = [&] { static_cast<void>(made.listener.accept()); };
        CHECK_THROWS_AS(coir::with_timeout(1s, read), coir::timed_out);
        CHECK_THROWS_AS(coir::with_timeout(1s, accept), coir::timed_out);
        auto reader = coir::go([&] { return error_of(read); });
        auto accepting = coir::go([&] { return error_of(accept); });
        coir::sleep_for(1s);
        made.server.close();
        made.listener.close();
        CHECK(reader.join() == std::errc::operation_canceled);
        CHECK(accepting.join() == std::errc::operation_canceled);
    });
}

TEST_CASE("select waits for sockets") {
    explore({.schedules = 300, .network = {.buffer = 100}}, [] {
        auto listener = coir::tcp_listener::bind("127.0.0.1", 0);
        auto peer = coir::go([to = listener.local_endpoint()] {
            coir::sleep_for(1s);
            auto stream = coir::tcp_stream::connect(to);
            coir::sleep_for(1s);
            std::string all = read_all(stream);
            stream.write_all("end");
            return all.size();
        });
        coir::tcp_stream stream;
        auto accept =
            listener.on_accept([&](coir::tcp_stream taken) { stream = std::move(taken); });
        CHECK(coir::select(accept, coir::on_timeout(100ms)) == 1);
        CHECK(coir::select(accept, coir::on_timeout(1h)) == 0);
        CHECK(coir::select(stream.on_readable(), coir::on_timeout(100ms)) == 1);
        CHECK(coir::select(stream.on_writable(), stream.on_readable()) == 0);
        stream.write_all(std::string(100, 'x'));
        CHECK(coir::select(stream.on_writable(), coir::on_timeout(100ms)) == 1);
        CHECK(coir::select(stream.on_writable(), coir::on_timeout(1h)) == 0);
        stream.shutdown_write();
        CHECK(coir::select(stream.on_readable(), coir::on_timeout(1h)) == 0);
        CHECK(read_all(stream) == "end");
        CHECK(peer.join() == 100);
    });
}

TEST_CASE("sockets that outlive their run are closed ones in the next") {
    static coir::tcp_stream kept;
    static coir::tcp_listener listening;
    explore({.schedules = 20}, [] {
        CHECK(error_of([] { kept.write_all("x"); }) == std::errc::bad_file_descriptor);
        pair_of_streams made;
        CHECK(coir::select(made.server.on_readable(), coir::on_timeout(1s)) == 1);
        made.client.write_all("mine");
        kept = std::move(made.server); // closes that of the run before
        listening = std::move(made.listener);
    });
    kept.close();
    listening.close();
    simulate([] {
        pair_of_streams made;
        CHECK(made.listener.native_handle() == 1 << 30);
    });
}
