// SPDX-License-Identifier: MIT
// Covers the report of coroutines that are left when run ends and only waited for each other.

#include "child_process.hpp"
#include "fixture.hpp"

#include <unistd.h>

#include <chrono>
#include <stdexcept>
#include <thread>

using namespace fixture;

namespace {

const std::vector<std::vector<std::string>> every_size{
    {"COIR_WORKERS=1", "COIR_LEAKS=report"},
    {"COIR_WORKERS=2", "COIR_LEAKS=report"},
    {"COIR_WORKERS=4", "COIR_LEAKS=report"},
};

} // namespace

CHILD("forgets two") {
    coir::run([] {
        const coir::chan<int> never;
        coir::go({.name = "lost"}, [never] { static_cast<void>(never.recv()); });
        coir::go({.name = "also lost"}, [never] { static_cast<void>(never.recv()); });
        coir::yield();
    });
    ::_exit(0);
}

TEST_CASE("coroutines that could only wait for each other are reported when run ends") {
    for (const auto& environment : every_size) {
        const outcome result = run_child("forgets two", environment);
        INFO(result.error);
        CHECK(result.status == 0);
        CHECK(result.says("coir: leak: when run ended, 2 coroutines"));
        CHECK(result.says("\"lost\": waits on channel receive"));
        CHECK(result.says("leak_test.cpp:"));
        CHECK(result.says("started in "));
    }
}

CHILD("forgets one that is late") {
    static const coir::chan<int> never; // reachable: only who has looked long enough reports it
    coir::run([] {
        coir::go({.name = "late"}, [] {
            // Its worker gets no processor, as far as anybody can see, who may interrupt it to
            // look.
            const auto end = std::chrono::steady_clock::now() + 600ms;
            while (std::chrono::steady_clock::now() < end) ::usleep(50'000);
            static_cast<void>(never.recv());
        });
    });
    ::_exit(0);
}

TEST_CASE("who gets to its wait late, for want of a processor, is waited for and reported") {
    for (const auto& environment : every_size) {
        const outcome result = run_child("forgets one that is late", environment);
        INFO(result.error);
        CHECK(result.status == 0);
        CHECK(result.says("coir: leak: when run ended, 1 coroutines"));
        CHECK(result.says("\"late\": waits on channel receive"));
    }
}

CHILD("forgets one beside a ticker") {
    coir::run([] {
        coir::go({.name = "tick"}, [] {
            for (const auto at : coir::ticker(1h).channel()) static_cast<void>(at);
        });
        coir::go({.name = "lost"}, [] {
            const coir::chan<int> never;
            static_cast<void>(never.recv());
        });
        coir::sleep_for(1ms);
    });
    ::_exit(0);
}

#if !COIR_TSAN && !COIR_ASAN // whose memory cannot be looked through
TEST_CASE("what nobody could reach is reported also where others are left that could go on") {
    for (const auto& environment : every_size) {
        const outcome result = run_child("forgets one beside a ticker", environment);
        INFO(result.error);
        CHECK(result.status == 0);
        CHECK(result.says("coir: leak: when run ended, 1 coroutines"));
        CHECK(result.says("\"lost\": waits on channel receive"));
        CHECK(!result.says("\"tick\""));
    }
}
#endif

TEST_CASE("COIR_LEAKS=off says nothing") {
    const outcome result = run_child("forgets two", {"COIR_LEAKS=off"});
    CHECK(result.status == 0);
    CHECK(result.error.empty());
}

// What follows leaks nothing.

CHILD("is tidy") {
    // One that ends by itself when its channel is closed, by the last handle.
    coir::run([] {
        auto [tx, rx] = coir::channel<int>(4);
        coir::go([mine = std::move(rx)] {
            for (const int n : mine) CHECK(n == 1);
        });
        CHECK(tx.send(1));
    });
    // Some that a timer or a peer would have woken.
    coir::run([] {
        coir::go([] {
            for (;;) coir::sleep_for(1h);
        });
        auto listener = coir::tcp_listener::bind("127.0.0.1", 0);
        coir::go([&listener] {
            std::error_code error;
            static_cast<void>(listener.accept(error));
        });
        const coir::chan<int> ticks;
        coir::go([ticks] {
            for (const auto at : coir::ticker(1h).channel()) static_cast<void>(at);
        });
        coir::sleep_for(1ms);
    });
    // One that is meant to wait until it is cancelled.
    coir::run([] {
        coir::go([] { coir::select(); });
        coir::yield();
    });
    // One that a thread outside could have woken.
    const coir::chan<int> gate;
    std::atomic<bool> stop{false};
    std::thread thread([&] {
        while (!stop) std::this_thread::yield();
    });
    coir::run([gate] {
        coir::go([gate] { static_cast<void>(gate.recv()); });
        coir::yield();
    });
    stop = true;
    thread.join();
    // Some that an exception has left behind.
    try {
        coir::run([] {
            const coir::chan<int> never;
            coir::go([never] { static_cast<void>(never.recv()); });
            coir::yield();
            throw std::runtime_error{"cut short"};
        });
    } catch (const std::runtime_error&) {}
    ::_exit(0);
}

TEST_CASE("what would have ended, or could have been woken, is no leak") {
    for (const auto& environment : every_size) {
        const outcome result = run_child("is tidy", environment);
        INFO(result.error);
        CHECK(result.status == 0);
        CHECK(!result.says("leak"));
    }
}
