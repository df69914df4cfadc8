// SPDX-License-Identifier: MIT
// Covers task_group.

#include "group_fixture.hpp"

#include <coir/sync/latch.hpp>

#include <memory>
#include <stdexcept>
#include <string>

using namespace fixture;

static_assert(!std::is_copy_constructible_v<coir::task_group>);
static_assert(std::is_void_v<decltype(std::declval<coir::task_group&>().go([] { return 1; }))>);

TEST_CASE("wait returns when all members have ended, and sees what they did") {
    for_each_runtime([] {
        coir::task_group group;
        group.wait();
        std::array<int, 100> done{};
        for (int& one : done)
            group.go([&one, kept = tracked{}] {
                coir::yield();
                one = 1;
                return tracked{kept};
            });
        group.wait();
        for (const int one : done) CHECK(one == 1);
        CHECK(tracked::live.load() == 0);
    });
}

TEST_CASE("go passes arguments and options as coir::go does") {
    for_each_runtime([] {
        coir::task_group group;
        std::string seen;
        int sum = 0;
        group.go([&](int a, int b) { sum = a + b; }, 2, 3);
        group.go({.name = "member"}, [&] { seen = coir::this_task::name(); });
        group.go([](std::unique_ptr<int> owned) { CHECK(*owned == 4); }, std::make_unique<int>(4));
        group.wait();
        CHECK(sum == 5);
        CHECK(seen == "member");
    });
}

TEST_CASE("the first exception cancels the others and is rethrown by wait") {
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
                    cut.fetch_add(1);
                    throw;
                }
            });
        group.go([&] {
            started.wait();
            throw std::runtime_error{"first"};
        });
        std::string message;
        try {
            group.wait();
        } catch (const std::runtime_error& error) {
            message = error.what();
        }
        CHECK(message == "first");
        CHECK(cut.load() == 10);
    });
}

TEST_CASE("later exceptions are dropped") {
    for_each_runtime([] {
        coir::task_group group;
        coir::latch started{1};
        group.go([&] {
            started.count_down();
            try {
                coir::sleep_for(1h);
            } catch (const coir::cancelled&) {
                throw std::logic_error{"second"};
            }
        });
        group.go([&] {
            started.wait();
            throw std::runtime_error{"first"};
        });
        CHECK_THROWS_AS(group.wait(), std::runtime_error);
        group.wait();
    });
}

TEST_CASE("after an exception or a cancellation the group may be used again") {
    for_each_runtime([] {
        coir::task_group group;
        for (int round = 0; round < 5; ++round) {
            group.go([] { throw std::runtime_error{"round"}; });
            CHECK_THROWS_AS(group.wait(), std::runtime_error);
            group.request_stop();
            CHECK(wait_is_cancelled(group));
            bool ran = false;
            group.go([&] { ran = true; });
            group.wait();
            CHECK(ran);
        }
    });
}

TEST_CASE("no more members live at once than the limit says; go waits for room") {
    for_each_runtime([](int workers) {
        for (const std::size_t limit : {std::size_t{1}, std::size_t{3}}) {
            coir::task_group group{{.limit = limit}};
            std::atomic<std::size_t> alive{0};
            std::atomic<std::size_t> most{0};
            for (int i = 0; i < 50; ++i)
                group.go([&] {
                    const std::size_t now = alive.fetch_add(1) + 1;
                    CHECK(now <= limit);
                    if (now > most.load()) most.store(now);
                    coir::yield();
                    alive.fetch_sub(1);
                });
            group.wait();
            if (workers == 1) CHECK(most.load() == limit);
        }
    });
}

TEST_CASE("go at the limit can be cancelled, and starts nothing then") {
    for_each_runtime([] {
        coir::task_group group{{.limit = 1}};
        coir::latch release{1};
        group.go([&] { release.wait(); });
        bool ran = false;
        CHECK_THROWS_AS(coir::with_timeout(1ms, [&] { group.go([&] { ran = true; }); }),
                        coir::timed_out);
        release.count_down();
        group.wait();
        CHECK(!ran);
    });
}

TEST_CASE("members may add members, and wait waits for those too") {
    for_each_runtime([] {
        coir::task_group group;
        std::atomic<int> ran{0};
        const std::function<void(int)> grow = [&](int depth) {
            ran.fetch_add(1);
            if (depth == 0) return;
            for (int i = 0; i < 3; ++i) group.go(grow, depth - 1);
        };
        group.go(grow, 5);
        group.wait();
        CHECK(ran.load() == 364); // 1 + 3 + ... + 3^5
    });
}

TEST_CASE("a group can be stopped and waited for from an OS thread") {
    for_each_runtime([] {
        coir::task_group group;
        coir::latch started{1};
        group.go([&] {
            started.count_down();
            coir::sleep_for(1h);
        });
        std::atomic<bool> cancelled{false};
        std::thread thread([&] {
            started.wait();
            group.request_stop();
            cancelled.store(wait_is_cancelled(group));
        });
        coir::blocking([&] { thread.join(); });
        CHECK(cancelled.load());
        group.wait();
    });
}

TEST_CASE("go without a runtime throws, and the group stays usable") {
    coir::task_group group;
    CHECK_THROWS_AS(group.go([] {}), std::logic_error);
    group.wait();
}

TEST_CASE("a member whose arguments cannot be copied counts no more") {
    for_each_runtime([] {
        struct throwing {
            throwing() = default;
            throwing(const throwing&) { throw std::runtime_error{"no copy"}; }
        };
        coir::task_group group{{.limit = 1}};
        const throwing argument;
        CHECK_THROWS_AS(group.go([](const throwing&) {}, argument), std::runtime_error);
        group.go([] {});
        group.wait();
    });
}
