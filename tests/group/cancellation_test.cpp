// SPDX-License-Identifier: MIT
// Covers how cancellation comes into a task_group, and what it does there.

#include "group_fixture.hpp"

#include <coir/sync/latch.hpp>

#include <memory>
#include <stdexcept>
#include <stop_token>

using namespace fixture;

namespace {

void settle() {
    for (int i = 0; i < 20; ++i) coir::yield();
}

} // namespace

TEST_CASE("request_stop cancels the members, and wait throws cancelled") {
    for_each_runtime([] {
        coir::task_group group;
        std::atomic<int> cut{0};
        coir::latch started{10};
        for (int i = 0; i < 10; ++i)
            group.go([&] {
                started.count_down();
                try {
                    coir::sleep_for(1h);
                } catch (const coir::cancelled&) {
                    CHECK(coir::this_task::stop_token().stop_requested());
                    cut.fetch_add(1);
                    throw;
                }
            });
        started.wait();
        group.request_stop();
        group.request_stop();
        CHECK(wait_is_cancelled(group));
        CHECK(cut.load() == 10);
        coir::yield(); // the waiter itself was not cancelled
    });
}

TEST_CASE("a member added to a cancelled group never runs, nor one that has not begun") {
    for_each_runtime([](int workers) {
        coir::task_group group;
        bool ran = false;
        if (workers == 1) group.go([&] { ran = true; }); // still queued
        group.request_stop();
        group.go([&, kept = tracked{}] { ran = true; });
        CHECK(tracked::live.load() == 0);
        CHECK(wait_is_cancelled(group));
        CHECK(!ran);
    });
}

TEST_CASE("the destructor cancels and joins") {
    for_each_runtime([] {
        std::atomic<int> ended{0};
        {
            coir::task_group group;
            coir::latch started{10};
            for (int i = 0; i < 10; ++i)
                group.go([&] {
                    struct count {
                        std::atomic<int>& of;
                        ~count() {
                            coir::yield();
                            of.fetch_add(1);
                        }
                    };
                    const count end{ended};
                    started.count_down();
                    coir::sleep_for(1h);
                });
            started.wait();
        }
        CHECK(ended.load() == 10);
    });
}

TEST_CASE("the destructor joins also while a stack unwinds and when the owner is cancelled") {
    for_each_runtime([] {
        std::atomic<int> ended{0};
        coir::latch started{1};
        auto owner = coir::go([&] {
            coir::task_group group;
            group.go([&] {
                started.count_down();
                try {
                    coir::sleep_for(1h);
                } catch (const coir::cancelled&) {
                    coir::shield([] { coir::sleep_for(2ms); });
                    ended.fetch_add(1);
                    throw;
                }
            });
            coir::sleep_for(1h);
        });
        started.wait();
        owner.request_stop();
        CHECK_THROWS_AS(owner.join(), coir::task_cancelled);
        CHECK(ended.load() == 1);
        const auto leave_by_exception = [&] {
            coir::task_group group;
            group.go([] { coir::sleep_for(1h); });
            throw std::runtime_error{"left"};
        };
        CHECK_THROWS_AS(leave_by_exception(), std::runtime_error);
    });
}

TEST_CASE("an owner that is cancelled in wait takes the members with it") {
    for_each_runtime([] {
        std::atomic<int> cut{0};
        coir::latch started{3};
        auto owner = coir::go([&] {
            coir::task_group group;
            for (int i = 0; i < 3; ++i)
                group.go([&] {
                    started.count_down();
                    try {
                        coir::sleep_for(1h);
                    } catch (const coir::cancelled&) {
                        cut.fetch_add(1);
                        throw;
                    }
                });
            try {
                group.wait();
            } catch (const coir::cancelled&) {
                coir::shield([&] { // it is not the destructor that cancels them
                    while (cut.load() < 3) coir::yield();
                });
                throw;
            }
        });
        started.wait();
        settle();
        owner.request_stop();
        CHECK_THROWS_AS(owner.join(), coir::task_cancelled);
        CHECK(cut.load() == 3);
    });
}

TEST_CASE("a limit around wait alone ends the wait, not the members") {
    for_each_runtime([] {
        coir::task_group group;
        coir::latch release{1};
        bool finished = false;
        group.go([&] {
            release.wait();
            finished = true;
        });
        CHECK_THROWS_AS(coir::with_timeout(1ms, [&] { group.wait(); }), coir::timed_out);
        release.count_down();
        group.wait();
        CHECK(finished);
    });
}

TEST_CASE("a limit around the whole group cancels its members") {
    for_each_runtime([] {
        std::atomic<int> cut{0};
        CHECK_THROWS_AS(coir::with_timeout(2ms,
                                           [&] {
                                               coir::task_group group;
                                               group.go([&] {
                                                   try {
                                                       coir::sleep_for(1h);
                                                   } catch (const coir::cancelled&) {
                                                       cut.fetch_add(1);
                                                       throw;
                                                   }
                                               });
                                               settle();
                                               group.wait();
                                           }),
                        coir::timed_out);
        CHECK(cut.load() == 1);
    });
}

TEST_CASE("a shield around wait lets the members finish") {
    for_each_runtime([] {
        coir::latch started{1};
        coir::latch release{1};
        bool finished = false;
        auto owner = coir::go([&] {
            coir::task_group group;
            group.go([&] {
                started.count_down();
                release.wait();
                finished = true;
            });
            coir::shield([&] { group.wait(); });
        });
        started.wait();
        settle();
        owner.request_stop();
        settle();
        release.count_down();
        owner.join();
        CHECK(finished);
    });
}

TEST_CASE("a group may outlive the scope that it was made in") {
    for_each_runtime([] {
        auto group = coir::with_timeout(1h, [] { return std::make_unique<coir::task_group>(); });
        bool ran = false;
        coir::with_timeout(1h, [&] {
            group->go([&] { ran = true; });
            group->wait();
        });
        CHECK(ran);
        group->go([] { coir::sleep_for(1h); });
        auto other = coir::go([group = std::move(group)] { group->request_stop(); });
        other.join();
    });
}

TEST_CASE("an external stop token cancels the group, which then stays cancelled") {
    for_each_runtime([] {
        std::stop_source source;
        coir::task_group group{{.stop = source.get_token()}};
        coir::latch started{1};
        group.go([&] {
            started.count_down();
            coir::sleep_for(1h);
        });
        started.wait();
        source.request_stop();
        CHECK(wait_is_cancelled(group));
        bool ran = false;
        group.go([&] { ran = true; });
        CHECK(wait_is_cancelled(group));
        CHECK(!ran);
        coir::task_group late{{.stop = source.get_token()}};
        late.go([&] { ran = true; });
        CHECK(wait_is_cancelled(late));
        CHECK(!ran);
    });
}

TEST_CASE("the end of run cancels groups that nobody waits for") {
    std::atomic<int> cut{0};
    for (const int workers : worker_counts) {
        cut.store(0);
        coir::run(with_workers(workers), [&] {
            coir::latch started{2};
            coir::go([&] {
                coir::task_group outer;
                outer.go([&] {
                    coir::task_group inner;
                    inner.go([&] {
                        started.count_down();
                        try {
                            coir::sleep_for(1h);
                        } catch (const coir::cancelled&) {
                            cut.fetch_add(1);
                            throw;
                        }
                    });
                    inner.wait();
                });
                started.count_down();
                outer.wait();
            });
            started.wait();
        });
        CHECK(cut.load() == 1);
    }
}
