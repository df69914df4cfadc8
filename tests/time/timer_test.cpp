// SPDX-License-Identifier: MIT
// Covers timer and ticker: recv, on_recv, channel, stop and reset.

#include "fixture.hpp"

#include <optional>

using namespace fixture;
using coir::channel_status;
using time_point = coir::clock::time_point;

TEST_CASE("a timer fires once, no earlier than asked") {
    for_each_runtime([] {
        const auto start = coir::clock::now();
        coir::timer timer(3ms);
        const auto fired = timer.recv();
        CHECK(fired.has_value());
        CHECK(*fired >= start + 3ms);
        std::optional<time_point> out;
        CHECK(timer.channel().try_recv(out) != channel_status::success);
    });
}

TEST_CASE("a timer stands in select, by itself and by its channel") {
    for_each_runtime([] {
        const coir::chan<int> never;
        coir::timer timer(2ms);
        bool handled = false;
        CHECK(coir::select(never.on_recv(),
                           timer.on_recv([&](auto at) { handled = at.has_value(); })) == 1);
        CHECK(handled);
        timer.reset(2ms);
        const coir::receiver<time_point> rx = timer.channel();
        CHECK(coir::select(never.on_recv(), rx.on_recv()) == 1);
    });
}

TEST_CASE("stop says whether the timer was pending, and it does not fire") {
    for_each_runtime([] {
        coir::timer timer(5ms);
        CHECK(timer.stop());
        CHECK(!timer.stop());
        std::optional<time_point> out;
        CHECK(timer.channel().recv_for(15ms, out) == channel_status::timeout);
    });
}

TEST_CASE("stop after the tick was received says false") {
    for_each_runtime([] {
        coir::timer timer(1ms);
        CHECK(timer.recv().has_value());
        CHECK(!timer.stop());
    });
}

TEST_CASE("stop and reset leave no stale tick, even if the timer had fired unseen") {
    for_each_runtime([] {
        std::optional<time_point> out;
        coir::timer timer(1ms);
        coir::sleep_for(5ms);
        timer.stop();
        CHECK(timer.channel().try_recv(out) == channel_status::empty);
        timer.reset(1ms);
        coir::sleep_for(5ms);
        const auto start = coir::clock::now();
        timer.reset(4ms);
        const auto fired = timer.recv();
        CHECK(*fired >= start + 4ms);
    });
}

TEST_CASE("reset moves the deadline and says whether the timer was pending") {
    for_each_runtime([] {
        coir::timer timer(1h);
        const auto start = coir::clock::now();
        CHECK(timer.reset(3ms));
        CHECK(*timer.recv() >= start + 3ms);
        CHECK(!timer.reset(2ms));
        CHECK(timer.recv().has_value());
        CHECK(!timer.reset(1h));
        CHECK(timer.stop());
        CHECK(!timer.reset(1ms));
        CHECK(timer.recv().has_value());
    });
}

TEST_CASE("reset reaches the coroutine that already waits for the timer") {
    for_each_runtime([](int workers) {
        crew members{workers};
        coir::timer timer(1h);
        members.start([rx = timer.channel()] { CHECK(rx.recv().has_value()); });
        members.settle();
        CHECK(timer.reset(1ms));
        members.join();
    });
}

TEST_CASE("stop and firing race: exactly one of them happened") {
    for_each_runtime([] {
        for (int round = 0; round < scaled(200); ++round) {
            coir::timer timer(std::chrono::microseconds(round % 60));
            std::optional<time_point> out;
            auto stopper = coir::go([&timer] { return timer.stop(); });
            const bool got = timer.channel().recv_for(1ms, out) == channel_status::success;
            // Not both: a tick that was received was pending no more.
            CHECK(!(stopper.join() && got));
        }
    });
}

TEST_CASE("a timer for ever is pending and never fires") {
    for_each_runtime([] {
        coir::timer timer(coir::clock::duration::max());
        std::optional<time_point> out;
        CHECK(timer.channel().recv_for(2ms, out) == channel_status::timeout);
        CHECK(timer.stop());
        coir::timer hours(std::chrono::hours::max());
        CHECK(hours.channel().try_recv(out) == channel_status::empty);
        CHECK(hours.reset(1ms));
        CHECK(hours.recv().has_value());
    });
}

TEST_CASE("a dropped timer fires no more, and a receiver kept from it never hangs the end") {
    for_each_runtime([] {
        coir::receiver<time_point> kept;
        {
            coir::timer timer(1h);
            kept = timer.channel();
        }
        std::optional<time_point> out;
        CHECK(kept.recv_for(1ms, out) != channel_status::success);
    });
}

TEST_CASE("a ticker ticks again and again, a period apart") {
    for_each_runtime([] {
        const auto start = coir::clock::now();
        coir::ticker ticker(2ms);
        for (int i = 1; i <= 5; ++i) {
            const auto tick = ticker.recv();
            CHECK(tick.has_value());
            CHECK(coir::clock::now() >= start + i * 2ms);
        }
    });
}

TEST_CASE("a ticker keeps at most one tick for a slow receiver") {
    for_each_runtime([] {
        coir::ticker ticker(1ms);
        coir::sleep_for(20ms);
        CHECK(ticker.channel().size() <= 1);
        std::optional<time_point> out;
        CHECK(ticker.channel().try_recv(out) == channel_status::success);
        // The next one may just have come; a third may not have been kept.
        int kept = 0;
        while (ticker.channel().try_recv(out) == channel_status::success) ++kept;
        CHECK(kept <= 1);
    });
}

TEST_CASE("a ticker stands in select") {
    for_each_runtime([] {
        coir::ticker ticker(1ms);
        const auto enough = coir::after(20ms);
        int ticks = 0;
        bool over = false;
        while (!over)
            coir::select(ticker.on_recv([&](auto) { ++ticks; }),
                         enough.on_recv([&](auto) { over = true; }));
        CHECK(ticks >= 1);
        CHECK(ticks <= 21);
    });
}

TEST_CASE("stop of a running ticker says true and leaves no stale tick") {
    for_each_runtime([] {
        coir::ticker ticker(1ms);
        CHECK(ticker.recv().has_value());
        coir::sleep_for(5ms);
        CHECK(ticker.stop());
        CHECK(!ticker.stop());
        std::optional<time_point> out;
        CHECK(ticker.channel().recv_for(5ms, out) == channel_status::timeout);
    });
}

TEST_CASE("reset of a ticker changes the period, says true if it ran, and starts it again") {
    for_each_runtime([] {
        coir::ticker ticker(1h);
        const auto start = coir::clock::now();
        CHECK(ticker.reset(2ms));
        CHECK(ticker.recv().has_value());
        CHECK(ticker.recv().has_value());
        CHECK(coir::clock::now() >= start + 4ms);
        coir::sleep_for(5ms);
        CHECK(ticker.reset(1h));
        std::optional<time_point> out;
        CHECK(ticker.channel().recv_for(5ms, out) == channel_status::timeout);
        CHECK(ticker.stop());
        CHECK(!ticker.reset(1ms));
        CHECK(ticker.recv().has_value());
        CHECK(ticker.stop());
    });
}

TEST_CASE("a ticker for ever never ticks") {
    for_each_runtime([] {
        coir::ticker ticker(coir::clock::duration::max());
        std::optional<time_point> out;
        CHECK(ticker.channel().recv_for(2ms, out) == channel_status::timeout);
        CHECK(ticker.stop());
    });
}

TEST_CASE("a ticker's ticks come while other coroutines keep the workers busy") {
    for_each_runtime([](int workers) {
        std::atomic<bool> over{false};
        crew busy{workers};
        for (int i = 0; i < 2 * workers; ++i)
            busy.start([&] {
                while (!over.load()) coir::yield();
            });
        coir::ticker ticker(1ms);
        for (int i = 0; i < 5; ++i) CHECK(ticker.recv().has_value());
        over.store(true);
        busy.join();
    });
}
