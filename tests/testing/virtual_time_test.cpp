// SPDX-License-Identifier: MIT
// Covers the clock of a simulation: when it stands still, when it jumps, what goes by it.

#include "fixture.hpp"

#include <coir/testing.hpp>

#include <chrono>
#include <optional>

using namespace fixture;
using coir::testing::simulate;

TEST_CASE("time stands still while somebody can run and jumps when all are parked") {
    const auto real_start = std::chrono::steady_clock::now();
    simulate([] {
        const auto start = coir::clock::now();
        for (int i = 0; i < 100; ++i) coir::testing::maybe_preempt();
        CHECK(coir::clock::now() == start);
        auto late = coir::go([] { coir::sleep_for(24h); });
        coir::sleep_for(1h);
        CHECK(coir::clock::now() - start == 1h);
        late.join();
        CHECK(coir::clock::now() - start == 24h);
    });
    CHECK(std::chrono::steady_clock::now() - real_start < 20s);
}

TEST_CASE("timers, tickers, timeouts and timed operations go by virtual time") {
    simulate([] {
        const auto start = coir::clock::now();
        const auto since = [&] { return coir::clock::now() - start; };
        coir::timer once{10min};
        CHECK(*once.recv() == start + 10min);
        CHECK_THROWS_AS(coir::with_timeout(5min, [] { coir::sleep_for(1h); }), coir::timed_out);
        CHECK(since() == 15min);
        coir::ticker ticks{1min};
        for (int i = 1; i <= 3; ++i) CHECK(*ticks.recv() == start + 15min + i * 1min);
        const coir::chan<int> empty;
        int out = 0;
        CHECK(empty.recv_for(2min, out) == coir::channel_status::timeout);
        CHECK(since() == 20min);
        CHECK(coir::select(empty.on_recv(), coir::on_timeout(40min)) == 1);
        CHECK(since() == 60min);
        CHECK(coir::after(1h).recv().has_value());
        coir::timed_mutex held;
        held.lock();
        CHECK(!held.try_lock_for(1h));
        held.unlock();
        CHECK(since() == 3h);
    });
}

TEST_CASE("a loop that polls sees time pass") {
    simulate([] {
        const auto end = coir::clock::now() + 5ms;
        while (coir::clock::now() < end) coir::yield();
        bool fired = false;
        auto other = coir::go([&] {
            coir::sleep_for(1h);
            fired = true;
        });
        while (!fired) coir::yield();
        other.join();
    });
}

TEST_CASE("timers that outlive the run do not reach into the next one") {
    static std::optional<coir::receiver<coir::clock::time_point>> pending;
    static std::optional<coir::ticker> ticking;
    static std::optional<coir::timer> waiting;
    coir::testing::explore({.schedules = 20}, [] {
        pending = coir::after(1h);
        static_cast<void>(coir::after(1h));
        ticking.emplace(1h);
        waiting.emplace(1h);
        const auto start = coir::clock::now();
        CHECK(*waiting->recv() - start == 1h);
        waiting->reset(1h);
    });
    CHECK(pending->recv().has_value()); // outside: it fired at the end
    pending.reset();
    ticking.reset();
    waiting.reset();
}
