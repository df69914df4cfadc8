// SPDX-License-Identifier: MIT
// Hammers groups that end, fail, are stopped and are waited for at the same time.

#include "fixture.hpp"

#include <coir/group.hpp>

#include <chrono>
#include <cstdio>
#include <stdexcept>

using namespace fixture;

TEST_CASE("groups that fail, are stopped and time out lose no member") {
    for_each_runtime([] {
        std::atomic<long> begun{0};
        std::atomic<long> ended{0};
        struct count {
            std::atomic<long>& of;
            ~count() { of.fetch_add(1); }
        };
        for (int round = 0; round < scaled(1500); ++round) {
            try {
                coir::with_timeout(std::chrono::microseconds(round % 60), [&] {
                    coir::task_group group{{.limit = static_cast<std::size_t>(round % 4)}};
                    for (int i = 0; i < 6; ++i)
                        group.go([&, i] {
                            begun.fetch_add(1);
                            const count end{ended};
                            if (round % 3 == 0 && i == round % 6) throw std::runtime_error{"one"};
                            if (round % 3 == 1 && i == round % 6) group.request_stop();
                            coir::task_group inner;
                            inner.go([] { coir::yield(); });
                            inner.wait();
                        });
                    group.wait();
                });
            } catch (const std::runtime_error&) { // timed_out is one
            } catch (const coir::cancelled&) {}
            CHECK(begun.load() == ended.load());
        }
        coir::yield(); // nothing of this cancelled us
    });
}

TEST_CASE("a tree of waiting coroutines is cancelled and joined") {
    for_each_runtime([](int workers) {
        const int leaves = scaled(10'000);
        std::atomic<int> waiting{0};
        std::atomic<int> cut{0};
        coir::task_group tree;
        const int branches = std::max(1, leaves / 100);
        for (int b = 0; b < branches; ++b)
            tree.go([&] {
                coir::task_group branch;
                for (int i = 0; i < 100; ++i)
                    branch.go([&] {
                        waiting.fetch_add(1);
                        try {
                            coir::sleep_for(1h);
                        } catch (const coir::cancelled&) {
                            cut.fetch_add(1);
                            throw;
                        }
                    });
                branch.wait();
            });
        while (waiting.load() < branches * 100) coir::yield();
        const auto start = coir::clock::now();
        tree.request_stop();
        bool cancelled = false;
        try {
            tree.wait();
        } catch (const coir::cancelled&) {
            cancelled = true;
        }
        const auto took = std::chrono::duration<double, std::milli>(coir::clock::now() - start);
        std::printf("%d workers: cancelled and joined %d in %.2f ms\n", workers, cut.load(),
                    took.count());
        CHECK(cancelled);
        CHECK(cut.load() == branches * 100);
    });
}
