// SPDX-License-Identifier: MIT
// Covers clock, sleep_for, sleep_until and after.

#include "fixture.hpp"

#include <optional>

using namespace fixture;
using coir::channel_status;

static_assert(std::is_same_v<coir::clock::time_point, std::chrono::steady_clock::time_point>);
static_assert(coir::clock::is_steady);

TEST_CASE("clock runs with steady_clock") {
    for_each_runtime([] {
        const auto before = std::chrono::steady_clock::now();
        const auto now = coir::clock::now();
        CHECK(before <= now);
        CHECK(now <= std::chrono::steady_clock::now());
    });
}

TEST_CASE("sleep_for lasts at least the duration") {
    for_each_crew([](crew&) {
        for (const auto duration : {1us, 100us, 3'000us}) {
            const auto start = coir::clock::now();
            coir::sleep_for(duration);
            CHECK(coir::clock::now() - start >= duration);
        }
    });
}

TEST_CASE("sleep_until lasts until the time point") {
    for_each_crew([](crew&) {
        const auto wake = coir::clock::now() + 3ms;
        coir::sleep_until(wake);
        CHECK(coir::clock::now() >= wake);
    });
}

TEST_CASE("a sleep of nothing or less, and until the past, comes back") {
    for_each_crew([](crew&) {
        coir::sleep_for(0ms);
        coir::sleep_for(-1h);
        coir::sleep_for(std::chrono::nanoseconds::min());
        coir::sleep_until(coir::clock::now() - 1h);
        coir::sleep_until(coir::clock::time_point::min());
    });
}

TEST_CASE("a sleeping coroutine holds no worker") {
    for_each_runtime([] {
        const auto start = coir::clock::now();
        std::vector<coir::task<void>> sleepers;
        for (int i = 0; i < 1'000; ++i) sleepers.push_back(coir::go([] { coir::sleep_for(20ms); }));
        for (auto& sleeper : sleepers) sleeper.join();
        // One after the other they would take 20 seconds.
        CHECK(coir::clock::now() - start < 10s);
    });
}

TEST_CASE("sleepers wake in the order of their deadlines") {
    const leak_check leaks;
    coir::run(with_workers(1), [] {
        std::vector<int> order;
        std::vector<coir::task<void>> sleepers;
        const auto start = coir::clock::now();
        for (const int nth : {5, 1, 4, 2, 3})
            sleepers.push_back(coir::go([&order, start, nth] {
                coir::sleep_until(start + nth * 5ms);
                order.push_back(nth);
            }));
        for (auto& sleeper : sleepers) sleeper.join();
        CHECK(order == std::vector{1, 2, 3, 4, 5});
    });
}

TEST_CASE("sleepers wake while another coroutine keeps yielding") {
    for_each_runtime([] {
        std::atomic<bool> awake{false};
        auto sleeper = coir::go([&] {
            coir::sleep_for(2ms);
            awake.store(true);
        });
        while (!awake.load()) coir::yield();
        sleeper.join();
    });
}

TEST_CASE("sleepers wake while one that woke before them computes on") {
    if (workers_are_imposed()) return; // it takes another worker to wake them
    const leak_check leaks;
    coir::run(with_workers(2), [] {
        constexpr int count = 20;
        std::atomic<int> awake{0};
        // Far enough in the future for the whole runtime to be asleep, its watchdog included.
        const auto start = coir::clock::now() + 400ms;
        auto computing = coir::go([&] {
            coir::sleep_until(start);
            const auto patience = coir::clock::now() + 20s;
            while (awake.load() < count && coir::clock::now() < patience) {}
            return awake.load();
        });
        std::vector<coir::task<void>> sleepers;
        for (int i = 0; i < count; ++i)
            sleepers.push_back(coir::go([&] {
                coir::sleep_until(start + 50ms);
                ++awake;
            }));
        CHECK(computing.join() == count);
    });
}

TEST_CASE("sleep_for(duration::max()) sleeps for ever, that is until cancelled") {
    for_each_runtime([] {
        auto nanoseconds = coir::go([] { coir::sleep_for(std::chrono::nanoseconds::max()); });
        auto hours = coir::go([] { coir::sleep_for(std::chrono::hours::max()); });
        auto until = coir::go([] { coir::sleep_until(coir::clock::time_point::max()); });
        coir::sleep_for(3ms);
        CHECK(!nanoseconds.done());
        CHECK(!hours.done());
        CHECK(!until.done());
        nanoseconds.request_stop();
        hours.request_stop();
        until.request_stop();
        CHECK_THROWS_AS(nanoseconds.join(), coir::task_cancelled);
        CHECK_THROWS_AS(hours.join(), coir::task_cancelled);
        CHECK_THROWS_AS(until.join(), coir::task_cancelled);
    });
}

TEST_CASE("after gives one time point, no earlier than asked, and closes") {
    for_each_runtime([] {
        const auto start = coir::clock::now();
        const coir::receiver<coir::clock::time_point> rx = coir::after(3ms);
        const auto fired = rx.recv();
        CHECK(fired.has_value());
        CHECK(*fired >= start + 3ms);
        CHECK(*fired <= coir::clock::now());
        CHECK(coir::clock::now() >= start + 3ms);
        CHECK(!rx.recv());
        CHECK(rx.closed());
    });
}

TEST_CASE("after is a channel like any other: polled, timed, selected") {
    for_each_runtime([] {
        std::optional<coir::clock::time_point> out;
        const auto late = coir::after(1h);
        CHECK(late.try_recv(out) == channel_status::empty);
        CHECK(late.recv_for(1ms, out) == channel_status::timeout);
        CHECK(late.size() == 0);
        CHECK(!late.closed());
        const auto soon = coir::after(1ms);
        CHECK(soon.recv_for(1h, out) == channel_status::success);
        CHECK(soon.recv_for(1h, out) == channel_status::closed);
        const coir::chan<int> never;
        CHECK(coir::select(never.on_recv(), coir::after(1ms).on_recv(), late.on_recv()) == 1);
    });
}

TEST_CASE("after that has fired and was not looked at keeps its value") {
    for_each_runtime([] {
        const auto rx = coir::after(1ms);
        coir::sleep_for(5ms);
        std::optional<coir::clock::time_point> out;
        CHECK(rx.try_recv(out) == channel_status::success);
        CHECK(rx.recv_for(1h, out) == channel_status::closed);
    });
}

TEST_CASE("after of nothing fires at once, after for ever never") {
    for_each_runtime([] {
        CHECK(coir::after(0ms).recv().has_value());
        CHECK(coir::after(-1h).recv().has_value());
        std::optional<coir::clock::time_point> out;
        const auto never = coir::after(coir::clock::duration::max());
        CHECK(never.recv_for(2ms, out) == channel_status::timeout);
        CHECK(coir::after(std::chrono::hours::max()).try_recv(out) == channel_status::empty);
    });
}

TEST_CASE("one of many that receive from one after gets the value") {
    for_each_runtime([](int workers) {
        crew members{workers};
        const auto rx = coir::after(2ms);
        std::atomic<int> got{0};
        for (int i = 0; i < 8; ++i) members.start([&, rx] { got += rx.recv().has_value(); });
        members.join();
        CHECK(got.load() == 1);
    });
}

TEST_CASE("afters that nobody waits for cost nothing at the end") {
    for_each_runtime([] {
        for (int i = 0; i < 10'000; ++i) static_cast<void>(coir::after(1h));
        std::vector<coir::receiver<coir::clock::time_point>> kept;
        for (int i = 0; i < 100; ++i) kept.push_back(coir::after(1h));
    });
}

TEST_CASE("after, timers and sleeps work from OS threads beside a runtime") {
    for_each_runtime([] {
        const auto rx = coir::after(2ms);
        coir::blocking([&] {
            std::thread([&] {
                CHECK(rx.recv().has_value());
                coir::sleep_for(1ms);
                CHECK(coir::select(coir::on_timeout(1ms)) == 0);
            }).join();
        });
    });
}

TEST_CASE("after works where there is no runtime at all") {
    CHECK(coir::after(1ms).recv().has_value());
    std::optional<coir::clock::time_point> out;
    CHECK(coir::after(1h).recv_for(1ms, out) == channel_status::timeout);
    const coir::chan<int> never;
    CHECK(coir::select(never.on_recv(), coir::after(1ms).on_recv()) == 1);
}
