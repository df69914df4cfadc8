// SPDX-License-Identifier: MIT
// Covers run and runtime_options.

#include "fixture.hpp"

#include <memory>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>

using namespace fixture;

TEST_CASE("run returns what the callable returns") {
    CHECK(coir::run([] { return 42; }) == 42);
    CHECK(coir::run([] { return std::string("text"); }) == "text");
    CHECK(*coir::run([] { return std::make_unique<int>(3); }) == 3);
    static_assert(std::is_void_v<decltype(coir::run([] {}))>);
    coir::run([] {});
    CHECK(coir::run({.workers = 1}, [] { return 1; }) == 1);
    int target = 0;
    CHECK(&coir::run([&]() -> int& { return target; }) == &target);
}

TEST_CASE("run rethrows what the callable throws") {
    for (const int workers : worker_counts) {
        const leak_check leaks;
        CHECK_THROWS_AS(coir::run(with_workers(workers), [] { throw std::runtime_error("mine"); }),
                        std::runtime_error);
        CHECK_THROWS_AS(coir::run(with_workers(workers), []() -> int { throw 5; }), int);
    }
}

TEST_CASE("run may be called again and again") {
    const leak_check leaks;
    for (int i = 0; i < 100; ++i)
        CHECK(coir::run(with_workers(i % 4 + 1),
                        [i] { return coir::go([i] { return i; }).join(); }) == i);
}

TEST_CASE("every option has a default, and 512 KiB is that of the stack") {
    const coir::runtime_options options{};
    CHECK(options.workers == 0);
    CHECK(options.stack_size == 512 * 1024);
    CHECK(options.io == coir::io_backend::automatic);
    CHECK(!options.on_unhandled_exception);
}

TEST_CASE("one worker interleaves, and never runs two at the same time") {
    coir::run({.workers = 1}, [] {
        int inside = 0;
        int most = 0;
        std::set<std::thread::id> threads;
        std::vector<coir::task<void>> tasks;
        for (int t = 0; t < 10; ++t)
            tasks.push_back(coir::go([&] {
                for (int i = 0; i < 1'000; ++i) {
                    ++inside;
                    most = std::max(most, inside);
                    threads.insert(std::this_thread::get_id());
                    --inside;
                    coir::yield();
                }
            }));
        for (auto& task : tasks) task.join();
        CHECK(most == 1);
        CHECK(threads.size() == 1);
    });
}

TEST_CASE("n workers run n coroutines at the same time" * doctest::skip(workers_are_imposed())) {
    for_each_runtime([](int workers) {
        // None of these gives its worker back before all have met.
        std::atomic<int> met{0};
        std::vector<coir::task<void>> tasks;
        for (int i = 0; i < workers; ++i)
            tasks.push_back(coir::go([&] {
                met.fetch_add(1);
                while (met.load() < workers) std::this_thread::yield();
            }));
        for (auto& task : tasks) task.join();
        CHECK(met.load() == workers);
    });
}

TEST_CASE("coroutines still alive when the callable returns are cancelled and joined") {
    for (const int workers : worker_counts) {
        INFO("workers = ", workers);
        const leak_check leaks;
        const long before = tracked::live.load();
        std::atomic<int> destroyed{0};
        std::atomic<int> started{0};
        coir::run(with_workers(workers), [&] {
            struct guard {
                std::atomic<int>& count;
                ~guard() { ++count; }
            };
            for (int i = 0; i < 50; ++i)
                coir::go([&, own = tracked{i}] {
                    const guard last{destroyed};
                    ++started;
                    coir::sleep_for(1h);
                });
            while (started.load() < 50) coir::yield();
            for (int i = 0; i < 50; ++i) coir::go([own = tracked{i}] { coir::sleep_for(1h); });
        });
        CHECK(destroyed.load() == 50);
        CHECK(tracked::live.load() == before);
    }
}

TEST_CASE("they are cancelled and joined, too, when the callable throws") {
    for (const int workers : worker_counts) {
        const leak_check leaks;
        const coir::chan<int> ch;
        std::atomic<int> cut{0};
        std::atomic<bool> started{false};
        CHECK_THROWS_AS(coir::run(with_workers(workers),
                                  [&] {
                                      coir::go([&] {
                                          started.store(true);
                                          try {
                                              static_cast<void>(ch.recv());
                                          } catch (const coir::cancelled&) {
                                              ++cut;
                                              throw;
                                          }
                                      });
                                      while (!started.load()) coir::yield();
                                      throw std::runtime_error("over");
                                  }),
                        std::runtime_error);
        CHECK(cut.load() == 1);
    }
}

TEST_CASE("at the end destructors may wait, and for each other") {
    for (const int workers : worker_counts) {
        const leak_check leaks;
        std::atomic<int> exchanged{0};
        coir::run(with_workers(workers), [&] {
            const coir::chan<int> ch;
            struct sends {
                coir::chan<int> to;
                std::atomic<int>& count;
                ~sends() { count += to.send(1); }
            };
            struct receives {
                coir::chan<int> from;
                std::atomic<int>& count;
                ~receives() { count += from.recv().has_value(); }
            };
            std::atomic<int> started{0};
            coir::go([&, ch] {
                const sends last{ch, exchanged};
                ++started;
                coir::sleep_for(1h);
            });
            coir::go([&, ch] {
                const receives last{ch, exchanged};
                ++started;
                coir::sleep_for(1h);
            });
            while (started.load() < 2) coir::yield();
        });
        CHECK(exchanged.load() == 2);
    }
}

TEST_CASE("a coroutine that was started at the end never outlives run") {
    for (const int workers : worker_counts) {
        const leak_check leaks;
        const long before = tracked::live.load();
        coir::run(with_workers(workers), [&] {
            coir::go([] {
                struct starts_more {
                    ~starts_more() {
                        coir::go([own = tracked{1}] { coir::sleep_for(1h); });
                    }
                };
                const starts_more last;
                coir::sleep_for(1h);
            });
            coir::yield();
        });
        CHECK(tracked::live.load() == before);
    }
}

TEST_CASE("run inside a coroutine throws logic_error") {
    for_each_runtime([] {
        CHECK_THROWS_AS(coir::run([] {}), std::logic_error);
        CHECK_THROWS_AS(coir::run({.workers = 1}, [] {}), std::logic_error);
        coir::go([] { CHECK_THROWS_AS(coir::run([] {}), std::logic_error); }).join();
    });
}

TEST_CASE("go with no runtime to go to throws logic_error") {
    CHECK_THROWS_AS(coir::go([] {}), std::logic_error);
    CHECK_THROWS_AS(coir::go({.name = "lost"}, [] {}), std::logic_error);
    coir::run([] {});
    CHECK_THROWS_AS(coir::go([] {}), std::logic_error);
}

TEST_CASE("run returns at once when all is done, and run in threads side by side") {
    const leak_check leaks;
    std::vector<std::thread> threads;
    std::atomic<int> sum{0};
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&, i] {
            sum += coir::run(with_workers(i % 2 + 1), [i] {
                const coir::chan<int> ch;
                coir::go([ch, i] { CHECK(ch.send(i)); });
                return ch.recv().value();
            });
        });
    for (std::thread& thread : threads) thread.join();
    CHECK(sum.load() == 6);
}

TEST_CASE("stack_size is the size of the coroutines' stacks") {
    coir::run({.workers = 2, .stack_size = 4 << 20}, [] {
        coir::go([] {
            volatile char filled[3 << 20];
            for (std::size_t i = 0; i < sizeof filled; i += 4'096) filled[i] = 1;
            CHECK(filled[0] == 1);
        }).join();
    });
}
