// SPDX-License-Identifier: MIT
// Covers what goes wrong in the simulated network: resets, refusals, partitions, by the seed and by
// hand, among hosts.

#include "fixture.hpp"

#include <coir/testing.hpp>

#include <string>
#include <system_error>
#include <vector>

using namespace fixture;
using coir::testing::explore;
using coir::testing::heal;
using coir::testing::on_host;
using coir::testing::partition;
using coir::testing::simulate;

namespace {

// Answers each connection's first byte until cancelled.
void answer_bytes(coir::tcp_listener listener) {
    coir::task_group all;
    for (;;) {
        all.go([stream = listener.accept()]() mutable {
            std::error_code ignored;
            std::array<char, 1> byte{};
            if (stream.read(std::span{byte}, ignored) != 0) stream.write_all("y", ignored);
        });
    }
}

std::error_code ask(const std::string& host) {
    std::error_code error;
    auto stream = coir::tcp_stream::connect(host, 80, error);
    if (error) return error;
    stream.write_all("x", error);
    if (error) return error;
    std::array<char, 1> byte{};
    if (stream.read(std::span{byte}, error) == 0 && !error) error = coir::errc::end_of_stream;
    return error;
}

// Calls the body with a server on the host "server".
template <class Body> void with_server(Body body) {
    coir::task_group serving;
    serving.go([] { answer_bytes(coir::tcp_listener::bind("server", 80)); });
    coir::sleep_for(1s);
    body();
    serving.request_stop();
    try {
        serving.wait();
    } catch (const coir::cancelled&) {}
}

std::chrono::nanoseconds time_of(auto call) {
    const auto start = coir::clock::now();
    call();
    return coir::clock::now() - start;
}

// What a hundred requests come to under the options.
std::vector<int> results(std::uint64_t seed, const coir::testing::network_options& options) {
    std::vector<int> all;
    simulate({.seed = seed, .network = options}, [&] {
        with_server([&] {
            for (int i = 0; i < 100; ++i) all.push_back(ask("server").value());
        });
    });
    return all;
}

long count(const std::vector<int>& all, std::errc what) {
    return std::count(all.begin(), all.end(), static_cast<int>(what));
}

} // namespace

TEST_CASE("without faults nothing goes wrong") { CHECK(count(results(1, {}), std::errc{}) == 100); }

TEST_CASE("connections are reset and refused as often as the options say, by the seed") {
    const leak_check leaks;
    const coir::testing::network_options options{.reset_probability = 0.05,
                                                 .refuse_probability = 0.2};
    const auto all = results(7, options);
    CHECK(count(all, std::errc{}) > 40);
    CHECK(count(all, std::errc::connection_refused) > 10);
    CHECK(count(all, std::errc::connection_reset) > 3);
    CHECK(results(7, options) == all);
    CHECK(results(8, options) != all);
}

TEST_CASE("partitions begin and end by the seed") {
    const coir::testing::network_options options{.partition_probability = 0.02,
                                                 .partition_duration = 10min};
    const auto all = results(3, options);
    CHECK(count(all, std::errc{}) > 50);
    CHECK(count(all, std::errc::timed_out) > 0); // no connection in 127 seconds
    CHECK(results(3, options) == all);
}

TEST_CASE("a partition holds back what is under way until it is healed") {
    simulate([] {
        with_server([] {
            auto stream = coir::tcp_stream::connect("server", 80);
            partition("server");
            stream.write_all("x");
            auto healer = coir::go([] {
                coir::sleep_for(10min);
                heal("server");
            });
            char byte = 0;
            const auto waited = time_of([&] { stream.read_exactly(std::span{&byte, 1}); });
            CHECK(waited > 10min);
            CHECK(waited < 11min);
            healer.join();
            CHECK(!ask("server"));
        });
    });
}

TEST_CASE("who is cut off gives up, as Linux does") {
    simulate([] {
        with_server([] {
            auto stream = coir::tcp_stream::connect("server", 80);
            coir::sleep_for(1s);
            partition();
            std::error_code error;
            CHECK(time_of([&] { error = ask("server"); }) == 127s);
            CHECK(error == std::errc::timed_out);
            stream.write_all("x");
            std::array<char, 1> byte{};
            const auto waited = time_of([&] { stream.read(std::span{byte}, error); });
            CHECK(error == std::errc::timed_out);
            CHECK(waited > 15min);
            CHECK(waited < 16min);
            heal();
            CHECK(!ask("server"));
        });
    });
}

TEST_CASE("who connects tries again, and gets through once it is healed") {
    simulate([] {
        with_server([] {
            partition("localhost", "server");
            auto healer = coir::go([] {
                coir::sleep_for(20s);
                heal("localhost", "server");
            });
            const auto waited = time_of([] { CHECK(!ask("server")); });
            CHECK(waited > 20s);
            CHECK(waited < 32s);
            healer.join();
        });
    });
}

TEST_CASE("hosts have their own ports and loopback, and find each other by name") {
    simulate([] {
        coir::task_group serving;
        for (const std::string name : {"alpha", "beta"}) {
            on_host(name,
                    [&] { serving.go([] { answer_bytes(coir::tcp_listener::bind("", 80)); }); });
        }
        coir::sleep_for(1s);
        CHECK(!ask("alpha"));
        CHECK(!ask("beta"));
        CHECK(ask("localhost") == std::errc::connection_refused);
        CHECK(ask("gamma").category() == coir::resolve_category());
        CHECK(on_host("alpha", [] { return !ask("localhost"); }));
        partition("alpha", "beta");
        on_host("alpha", [] {
            auto within = coir::go([] { return ask("beta"); }); // as its parent, on alpha
            CHECK(within.join() == std::errc::timed_out);
            CHECK(!ask("alpha"));
        });
        CHECK(!ask("beta"));
        std::error_code error;
        on_host("alpha", [&] { static_cast<void>(coir::tcp_listener::bind("beta", 81, error)); });
        CHECK(error == std::errc::address_not_available);
        serving.request_stop();
    });
}

TEST_CASE("connections can be reset by hand") {
    simulate([] {
        with_server([] {
            auto stream = coir::tcp_stream::connect("server", 80);
            coir::sleep_for(1s);
            coir::testing::reset_connections("server");
            std::error_code error;
            std::array<char, 1> byte{};
            stream.read(std::span{byte}, error);
            CHECK(error == std::errc::connection_reset);
            coir::testing::set_network({.refuse_probability = 1});
            CHECK(ask("server") == std::errc::connection_refused);
        });
    });
}

TEST_CASE("faults are for simulations only") {
    CHECK_THROWS_AS(partition(), std::logic_error);
    CHECK_THROWS_AS(on_host("alpha", [] {}), std::logic_error);
    coir::run(with_workers(1), [] { CHECK_THROWS_AS(heal("alpha"), std::logic_error); });
}

TEST_CASE("a retry that is not idempotent is found") {
    // The server books each order it reads; the client asks again when the answer does not come.
    const auto program = [](bool retries) {
        return [retries] {
            int booked = 0;
            coir::task_group serving;
            serving.go([&] {
                auto listener = coir::tcp_listener::bind("shop", 80);
                for (;;) {
                    serving.go([&, stream = listener.accept()]() mutable {
                        std::error_code ignored;
                        std::array<char, 1> order{};
                        if (stream.read(std::span{order}, ignored) == 0) return;
                        ++booked;
                        stream.write_all("y", ignored);
                    });
                }
            });
            coir::sleep_for(1s);
            for (int i = 0; i < 3 && ask("shop") && retries; ++i) {}
            coir::sleep_for(1s);
            serving.request_stop();
            if (booked > 1) throw std::runtime_error("booked twice");
        };
    };
    const coir::testing::explore_options options{.schedules = 1000,
                                                 .network = {.reset_probability = 0.05}};
    explore(options, program(false));
    std::uint64_t seed = 0;
    try {
        explore(options, program(true));
    } catch (const coir::testing::failure& found) {
        seed = found.seed();
        const std::string report = found.what();
        CHECK(report.find("0 \"network\" loses a segment and its connection") != std::string::npos);
        CHECK(report.find(".network = ...") != std::string::npos);
    }
    CHECK(seed != 0);
    for (int i = 0; i < 10; ++i) {
        CHECK_THROWS_AS(simulate({.seed = seed, .network = options.network}, program(true)),
                        coir::testing::failure);
    }
}
