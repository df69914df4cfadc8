// SPDX-License-Identifier: MIT
// Covers shield: what it keeps out, what strikes inside it, and what comes after.

#include "fixture.hpp"

#include <coir/sync/latch.hpp>

#include <memory>
#include <stdexcept>

using namespace fixture;

namespace {

/// Starts the body, which counts `inside` down when the stop may come, stops it, and returns
/// whether it was cancelled.
template <class Body> bool stopped_inside(Body body) {
    coir::latch inside{1};
    auto task = coir::go([&] { body(inside); });
    inside.wait();
    task.request_stop();
    try {
        task.join();
    } catch (const coir::task_cancelled&) {
        return true;
    }
    return false;
}

} // namespace

TEST_CASE("shield returns what its body returns, or rethrows") {
    for_each_crew([](crew& members) {
        members.start([] {
            CHECK(coir::shield([] { return 1; }) == 1);
            CHECK(*coir::shield([] { return std::make_unique<int>(2); }) == 2);
            int target = 0;
            CHECK(&coir::shield([&]() -> int& { return target; }) == &target);
            coir::shield([&] { target = 3; });
            CHECK(target == 3);
            CHECK_THROWS_AS(coir::shield([] { throw std::runtime_error{"inside"}; }),
                            std::runtime_error);
        });
    });
}

TEST_CASE("a stop does not enter a shield, and strikes at the first wait after it") {
    for_each_runtime([] {
        int waits = 0;
        bool after = false;
        CHECK(stopped_inside([&](coir::latch& inside) {
            coir::shield([&] {
                inside.count_down();
                for (; waits < 20; ++waits) {
                    coir::yield();
                    coir::sleep_for(100us);
                }
            });
            after = true; // leaving a shield is no wait
            coir::yield();
            after = false;
        }));
        CHECK(waits == 20);
        CHECK(after);
    });
}

TEST_CASE("a task whose last wait is shielded ends as if it had not been stopped") {
    for_each_runtime([] {
        CHECK(!stopped_inside([](coir::latch& inside) {
            coir::shield([&] {
                inside.count_down();
                coir::sleep_for(1ms);
            });
        }));
    });
}

TEST_CASE("who is cancelled already may wait in a shield") {
    for_each_runtime([] {
        const coir::chan<int> report(1);
        CHECK(stopped_inside([&](coir::latch& inside) {
            try {
                inside.count_down();
                coir::sleep_for(1h);
            } catch (const coir::cancelled&) {
                coir::shield([&] {
                    coir::sleep_for(1ms);
                    CHECK(report.send(1));
                    coir::shield([] { coir::yield(); }); // one in another
                    coir::yield();
                });
                throw;
            }
        }));
        CHECK(report.size() == 1);
    });
}

TEST_CASE("a limit around a shield waits for it, and strikes behind it") {
    for_each_crew([](crew& members) {
        members.start([] {
            bool whole = false;
            CHECK_THROWS_AS(coir::with_timeout(1ms,
                                               [&] {
                                                   coir::shield([&] {
                                                       coir::sleep_for(5ms);
                                                       whole = true;
                                                   });
                                                   coir::sleep_for(1h);
                                               }),
                            coir::timed_out);
            CHECK(whole);
            // Late, but whole: what the body returns counts.
            CHECK(coir::with_timeout(1ms, [] {
                      coir::shield([] { coir::sleep_for(5ms); });
                      return 7;
                  }) == 7);
        });
    });
}

TEST_CASE("limits that are set inside a shield strike inside it") {
    for_each_crew([](crew& members) {
        members.start([] {
            const bool struck = coir::shield([] {
                try {
                    coir::with_timeout(1ms, [] { coir::sleep_for(1h); });
                } catch (const coir::timed_out&) {
                    return true;
                }
                return false;
            });
            CHECK(struck);
        });
    });
}

TEST_CASE("inside a shield the stop token tells of no stop, outside it does") {
    for_each_runtime([] {
        bool told_inside = true;
        bool told_outside = false;
        CHECK(!stopped_inside([&](coir::latch& inside) {
            const std::stop_token outer = coir::this_task::stop_token();
            coir::shield([&] {
                inside.count_down();
                while (!outer.stop_requested()) coir::yield();
                told_inside = coir::this_task::stop_token().stop_requested();
            });
            told_outside = coir::this_task::stop_token().stop_requested();
        }));
        CHECK(!told_inside);
        CHECK(told_outside);
    });
}

TEST_CASE("the end of run waits for shields") {
    for (const int workers : worker_counts) {
        bool whole = false;
        coir::run(with_workers(workers), [&] {
            coir::latch inside{1};
            coir::go([&] {
                coir::shield([&] {
                    inside.count_down();
                    coir::sleep_for(2ms);
                    whole = true;
                });
            });
            inside.wait();
        });
        CHECK(whole);
    }
}
