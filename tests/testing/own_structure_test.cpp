// SPDX-License-Identifier: MIT
// Covers groups, limits, timers and requests to stop under explore: right programs pass every
// schedule.

#include "passes.hpp"

#include <stdexcept>

using namespace fixture;

TEST_CASE("task groups: limits, members that add members, the first error, cancellation") {
    passes([] {
        int running = 0;
        int ended = 0;
        {
            coir::task_group group{{.limit = 2}};
            for (int i = 0; i < 4; ++i) {
                group.go([&] {
                    require(++running <= 2, "limit");
                    coir::yield();
                    --running;
                    ++ended;
                });
            }
            group.wait();
            require(ended == 4, "all ended");
        }
        coir::task_group failing;
        const coir::chan<int> never;
        failing.go([&] { static_cast<void>(never.recv()); }); // until it is cancelled
        failing.go([] { throw std::runtime_error("first"); });
        bool thrown = false;
        try {
            failing.wait();
        } catch (const std::runtime_error&) {
            thrown = true;
        }
        require(thrown, "rethrown");
    });
}

TEST_CASE("map, for_each, all and race") {
    passes([] {
        const std::vector<int> numbers{1, 2, 3, 4};
        const auto doubled = coir::map(
            numbers,
            [](int n) {
                coir::yield();
                return 2 * n;
            },
            2);
        require(doubled == std::vector{2, 4, 6, 8}, "in order");
        const auto [a, b] = coir::all([] { return 1; }, [] { return 2; });
        require(a + b == 3, "both");
        const int first = coir::race(
            [] {
                coir::sleep_for(1s);
                return 1;
            },
            [] {
                coir::sleep_for(2s);
                return 2;
            });
        require(first == 1, "the faster one");
        const int only =
            coir::race([]() -> int { throw std::runtime_error("no"); }, [] { return 7; });
        require(only == 7, "the one that succeeds");
    });
}

TEST_CASE("limits strike in time and nest") {
    passes([] {
        const coir::chan<int> never;
        const auto start = coir::clock::now();
        bool inner = false;
        try {
            coir::with_timeout(2s, [&] {
                try {
                    coir::with_timeout(1s, [&] { static_cast<void>(never.recv()); });
                } catch (const coir::timed_out&) {
                    inner = true;
                }
                coir::shield([] { coir::sleep_for(2s); });
                static_cast<void>(never.recv());
            });
            require(false, "not reached");
        } catch (const coir::timed_out&) {}
        require(inner && coir::clock::now() - start == 3s, "in time");
    });
}

TEST_CASE("timers that are reset and stopped leave no stale tick") {
    passes([] {
        coir::timer limit{1s};
        auto other = coir::go([] { coir::sleep_for(1s); });
        coir::sleep_for(1s);
        const auto start = coir::clock::now();
        limit.reset(5s);
        const auto tick = limit.recv();
        require(tick && *tick - start == 5s, "the new one");
        limit.reset(1s);
        limit.stop();
        require(coir::select(limit.on_recv(), coir::on_timeout(1h)) == 1, "stopped");
        other.join();
    });
}

TEST_CASE("requests to stop meet tasks at any moment") {
    passes([] {
        const coir::chan<int> values;
        std::vector<coir::task<int>> tasks;
        for (int i = 0; i < 3; ++i) {
            tasks.push_back(coir::go([values, i] {
                if (i == 0) coir::yield();
                return values.recv().value_or(-1);
            }));
        }
        auto stopper = coir::go([&] {
            for (auto& task : tasks) task.request_stop();
        });
        stopper.join();
        for (auto& task : tasks) {
            bool cancelled = false;
            try {
                static_cast<void>(task.join());
            } catch (const coir::task_cancelled&) {
                cancelled = true;
            }
            require(cancelled, "nothing was ever sent");
        }
    });
}

TEST_CASE("stop callbacks run and may wait while a limit strikes") {
    passes([] {
        const coir::chan<int> told(1);
        bool timed_out = false;
        try {
            coir::with_timeout(1s, [&] {
                const std::stop_callback callback{coir::this_task::stop_token(), [&] {
                                                      coir::sleep_for(1s);
                                                      static_cast<void>(told.try_send(1));
                                                  }};
                coir::sleep_for(1h);
            });
        } catch (const coir::timed_out&) {
            timed_out = true;
        }
        require(timed_out && told.size() == 1, "told");
    });
}

TEST_CASE("a pipeline of stages with a worker pool ends by itself") {
    passes([] {
        auto [numbers_in, numbers] = coir::channel<int>(2);
        auto [squares_in, squares] = coir::channel<int>();
        auto source = coir::go([out = std::move(numbers_in)] {
            for (int i = 1; i <= 4; ++i) require(out.send(i), "sent");
        });
        std::vector<coir::task<void>> pool;
        for (int i = 0; i < 3; ++i) {
            pool.push_back(coir::go([in = numbers, out = squares_in] {
                for (const int n : in) require(out.send(n * n), "sent");
            }));
        }
        squares_in = nullptr;
        numbers = nullptr;
        int sum = 0;
        for (const int square : squares) sum += square;
        require(sum == 30, "sum");
        source.join();
        for (auto& worker : pool) worker.join();
    });
}

TEST_CASE("coroutine-locals stay with their coroutine") {
    passes([] {
        coir::local<int> mine;
        coir::wait_group all;
        for (int i = 1; i <= 3; ++i) {
            all.go([&, i] {
                mine.set(i);
                coir::yield();
                require(*mine == i, "mine");
            });
        }
        all.wait();
        require(*mine == 0, "untouched");
    });
}
