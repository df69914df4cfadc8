// SPDX-License-Identifier: MIT
// Covers blocking: what it returns, on which threads it runs, and that only the caller waits.

#include "fixture.hpp"

#include <coir/blocking.hpp>
#include <coir/group.hpp>

#include <unistd.h>

#include <atomic>
#include <memory>
#include <stdexcept>

using namespace fixture;

TEST_CASE("blocking returns what the call returns, or rethrows") {
    for_each_crew([](crew& members) {
        members.start([] {
            CHECK(coir::blocking([] { return 1; }) == 1);
            CHECK(*coir::blocking([] { return std::make_unique<int>(2); }) == 2);
            int target = 0;
            CHECK(&coir::blocking([&]() -> int& { return target; }) == &target);
            coir::blocking([&] { target = 3; });
            CHECK(target == 3);
            CHECK_THROWS_AS(coir::blocking([] { throw std::runtime_error{"inside"}; }),
                            std::runtime_error);
        });
    });
}

TEST_CASE("the call runs on another thread than the workers', a thread's own call on itself") {
    for_each_crew([](crew& members) {
        const bool has_workers = members.coroutines();
        members.start([has_workers] {
            const pid_t caller = ::gettid();
            CHECK((coir::blocking([] { return ::gettid(); }) != caller) == has_workers);
        });
    });
}

TEST_CASE("only the caller waits: the others go on, calls run side by side") {
    for_each_runtime([] {
        constexpr int count = 20;
        std::atomic<int> inside{0};
        std::atomic<bool> may_return{false};
        coir::task_group calls;
        for (int i = 0; i < count; ++i) {
            calls.go([&] {
                coir::blocking([&] {
                    inside.fetch_add(1);
                    while (!may_return.load()) ::usleep(100);
                });
            });
        }
        // All are in their calls at once, more than there are workers, and we run.
        while (inside.load() < count) coir::yield();
        may_return.store(true);
        calls.wait();
        CHECK(inside.load() == count);
    });
}

TEST_CASE("no more calls run at once than max_blocking_threads; the others wait their turn") {
    for (const int workers : worker_counts) {
        coir::runtime_options options = with_workers(workers);
        options.max_blocking_threads = 3;
        coir::run(options, [] {
            std::atomic<int> inside{0};
            std::atomic<int> most{0};
            coir::task_group calls;
            for (int i = 0; i < 30; ++i) {
                calls.go([&] {
                    coir::blocking([&] {
                        const int now = inside.fetch_add(1) + 1;
                        for (int seen = most.load();
                             seen < now && !most.compare_exchange_weak(seen, now);) {}
                        ::usleep(500);
                        inside.fetch_sub(1);
                    });
                });
            }
            calls.wait();
            CHECK(most.load() <= 3);
            CHECK(most.load() >= 1);
        });
    }
}

TEST_CASE("what was done in the call is seen after it, and before it inside") {
    for_each_runtime([] {
        int value = 0; // no atomic: TSan sees whether the call orders
        for (int i = 0; i < scaled(500); ++i) {
            ++value;
            coir::blocking([&] { ++value; });
        }
        CHECK(value == 2 * scaled(500));
    });
}
