// SPDX-License-Identifier: MIT
// Covers COIR_CHECK=locks: what is said of mutexes that block threads and are held across waits.

#include "child_process.hpp"
#include "fixture.hpp"

#include <coir/testing.hpp>

#include <unistd.h>

#include <chrono>
#include <mutex>
#include <regex>
#include <shared_mutex>
#include <thread>

using namespace fixture;

namespace {

const std::vector<std::vector<std::string>> every_size{
    {"COIR_WORKERS=1", "COIR_CHECK=locks"},
    {"COIR_WORKERS=2", "COIR_CHECK=locks"},
    {"COIR_WORKERS=4", "COIR_CHECK=locks"},
};

int count_of(const std::string& text, const std::string& part) {
    int count = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
        ++count;
    return count;
}

bool matches(const std::string& text, const char* expression) {
    return std::regex_search(text, std::regex{expression});
}

template <class Mutex> [[gnu::noinline]] void lock_it(Mutex& m) {
    m.lock();
    asm volatile("");
}

template <class Mutex> [[gnu::noinline]] void lock_it_shared(Mutex& m) {
    m.lock_shared();
    asm volatile("");
}

[[gnu::noinline]] void wait_for_value(const coir::chan<int>& ch) {
    int out = 0;
    CHECK(ch.recv_for(1ms, out) == coir::channel_status::timeout);
    asm volatile("");
}

} // namespace

CHILD("keeps a lock") {
    coir::run([] {
        const coir::chan<int> ch;
        coir::checked_mutex m;
        coir::go({.name = "keeper"}, [&] {
            lock_it(m);
            wait_for_value(ch);
            m.unlock();
        }).join();
    });
    ::_exit(0);
}

TEST_CASE("a coroutine that waits while it holds a checked mutex is named with both places") {
    for (const auto& environment : every_size) {
        const outcome result = run_child("keeps a lock", environment);
        INFO(result.error);
        CHECK(result.status == 0);
        // The golden text: addresses and lines aside.
        CHECK(matches(result.error,
                      "^coir: coroutine \\d+ \"keeper\" waits on channel receive 0x[0-9a-f]+ "
                      "\\(rendezvous\\) while it holds mutex 0x[0-9a-f]+, which blocks threads: "
                      "unlock it first, or use coir::mutex\n"
                      "  at [^\n]*wait_for_value\\([^\n]*\\)\n"
                      "      [^\n]*held_locks_test.cpp:\\d+\n"
                      "(  at [^\n]*\n      [^\n]*\n)+"
                      "  it was locked\n"
                      "  at coir::checked<std::mutex>::lock\\(\\)\n"
                      "      [^\n]*checked.hpp:\\d+\n"
                      "  at [^\n]*lock_it<[^\n]*\n"
                      "      [^\n]*held_locks_test.cpp:\\d+\n"));
    }
}

TEST_CASE("COIR_CHECK=off says nothing") {
    CHECK(run_child("keeps a lock", {"COIR_WORKERS=1", "COIR_CHECK=off"}).error.empty());
}

TEST_CASE("the check is on by itself where nothing is optimised") {
#if !defined(NDEBUG) && !defined(__OPTIMIZE__)
    constexpr bool expected = true;
#else
    constexpr bool expected = false;
#endif
    CHECK(coir::runtime_options{}.check_locks == expected);
    for (const char* unset : {"COIR_LEAKS=off", "COIR_CHECK="}) {
        const outcome result = run_child("keeps a lock", {"COIR_WORKERS=1", unset});
        CHECK(result.says("while it holds mutex") == expected);
    }
}

CHILD("chooses its checks") {
    for (const bool is_checked : {true, false}) {
        coir::run({.workers = 1, .check_locks = is_checked}, [&] {
            coir::checked_mutex m;
            coir::go({.name = is_checked ? "watched" : "unwatched"}, [&] {
                const std::scoped_lock guard{m};
                coir::sleep_for(1ms);
            }).join();
        });
    }
    ::_exit(0);
}

TEST_CASE("a runtime's option holds for its own coroutines") {
    const outcome result = run_child("chooses its checks");
    INFO(result.error);
    CHECK(result.says("\"watched\" waits on sleep while it holds mutex"));
    CHECK(!result.says("unwatched"));
}

CHILD("keeps a lock in every wait") {
    coir::run([] {
        coir::checked_mutex m;
        const coir::chan<int> full;
        coir::mutex taken;
        taken.lock();
        auto [reader, writer] = coir::pipe();
        coir::counting_semaphore<> none{0};
        auto sleeper = coir::go([] { coir::sleep_for(1h); });
        // Stopped when it has had the time to wait: a coroutine stopped before would never wait.
        const auto begun = [&](const char* name, auto wait) {
            std::atomic<bool> has_begun{false};
            auto waiting = coir::go({.name = name}, [&] {
                const std::scoped_lock guard{m};
                has_begun.store(true);
                wait();
            });
            while (!has_begun.load()) coir::yield();
            for (int i = 0; i < 100; ++i) coir::yield();
            waiting.request_stop();
            try {
                waiting.join();
            } catch (const coir::task_cancelled&) {}
        };
        begun("sender", [&] { static_cast<void>(full.send(1)); });
        begun("chooser", [&] { coir::select(full.on_recv(), coir::on_timeout(1h)); });
        begun("locker", [&] { const std::scoped_lock lock{taken}; });
        begun("acquirer", [&] { none.acquire(); });
        begun("sleeper", [&] { coir::sleep_for(1h); });
        begun("joiner", [&] { sleeper.join(); });
        begun("reader", [&, &from = reader] {
            std::array<std::byte, 4> bytes{};
            static_cast<void>(from.read(bytes));
        });
        begun("caller", [&] { coir::blocking([] {}); });
        begun("yielder", [&] {
            for (int i = 0; i < 10; ++i) coir::yield();
        });
        sleeper.request_stop();
        taken.unlock();
    });
    ::_exit(0);
}

TEST_CASE("every kind of wait is seen") {
    for (const auto& environment : every_size) {
        const outcome result = run_child("keeps a lock in every wait", environment);
        INFO(result.error);
        CHECK(result.status == 0);
        CHECK(result.says("\"sender\" waits on channel send"));
        CHECK(result.says("\"chooser\" waits on select of 2: receive"));
        CHECK(result.says("\"locker\" waits on mutex"));
        CHECK(result.says("\"acquirer\" waits on semaphore"));
        CHECK(result.says("\"sleeper\" waits on sleep"));
        CHECK(result.says("\"joiner\" waits on join of coroutine"));
        CHECK(result.says("\"reader\" waits on I/O: read, descriptor"));
        CHECK(result.says("\"caller\" waits on blocking call"));
        CHECK(result.says("\"yielder\" lets others run while it holds mutex"));
    }
}

CHILD("keeps a lock many times") {
    coir::run([] {
        coir::checked_mutex m;
        coir::go({.name = "repeats"}, [&] {
            for (int i = 0; i < 20; ++i) {
                lock_it(m);
                coir::sleep_for(1ms);
                m.unlock();
            }
        }).join();
    });
    ::_exit(0);
}

TEST_CASE("the same two places are reported once") {
    const outcome result =
        run_child("keeps a lock many times", {"COIR_WORKERS=1", "COIR_CHECK=locks"});
    INFO(result.error);
    CHECK(result.status == 0);
    CHECK(count_of(result.error, "\"repeats\" waits on sleep") == 1);
}

CHILD("keeps other locks") {
    coir::run([] {
        coir::checked<std::shared_timed_mutex> shared;
        coir::checked<std::recursive_timed_mutex> recursive;
        coir::go({.name = "shares"}, [&] {
            lock_it_shared(shared);
            coir::sleep_for(1ms);
            shared.unlock_shared();
            coir::sleep_for(1ms);
        }).join();
        coir::go({.name = "tries"}, [&] {
            CHECK(shared.try_lock_for(1s));
            coir::sleep_for(1ms);
            shared.unlock();
        }).join();
        coir::go({.name = "recurs"}, [&] {
            CHECK(recursive.try_lock());
            recursive.lock();
            recursive.unlock();
            coir::sleep_for(1ms); // still held, once
            recursive.unlock();
            coir::sleep_for(1ms);
        }).join();
    });
    ::_exit(0);
}

TEST_CASE("shared, timed and recursive mutexes are checked, too") {
    const outcome result = run_child("keeps other locks", {"COIR_WORKERS=1", "COIR_CHECK=locks"});
    INFO(result.error);
    CHECK(result.status == 0);
    CHECK(count_of(result.error, "\"shares\" waits on sleep") == 1);
    CHECK(result.says("lock_it_shared"));
    CHECK(count_of(result.error, "\"tries\" waits on sleep") == 1);
    CHECK(count_of(result.error, "\"recurs\" waits on sleep") == 1);
    CHECK(!result.says("unlocks"));
}

CHILD("comes to another thread with a lock") {
    coir::run({.workers = 2}, [] {
        coir::checked_mutex m;
        coir::go({.name = "wanderer"}, [&] {
            const std::thread::id before = std::this_thread::get_id();
            lock_it(m);
            // What else runs here keeps this worker, so the other one has to take this coroutine.
            while (std::this_thread::get_id() == before) {
                auto hog = coir::go([] {
                    const auto end = std::chrono::steady_clock::now() + 5ms;
                    while (std::chrono::steady_clock::now() < end) {}
                });
                coir::yield();
            }
            m.unlock();
        }).join();
    });
    ::_exit(0);
}

TEST_CASE("an unlock on another thread than that of the lock is named") {
    const outcome result =
        run_child("comes to another thread with a lock", {"COIR_WORKERS=2", "COIR_CHECK=locks"});
    INFO(result.error);
    CHECK(result.status == 0);
    CHECK(matches(result.error, "coir: coroutine \\d+ \"wanderer\" unlocks mutex 0x[0-9a-f]+ on "
                                "another thread than it has locked it on\n"));
    CHECK(result.says("it was locked\n  at coir::checked<std::mutex>::lock()"));
}

CHILD("unlocks what others have locked") {
    coir::run([] {
        coir::checked_mutex first;
        coir::go({.name = "locks"}, [&] { lock_it(first); }).join();
        coir::go({.name = "unlocks"}, [&] { first.unlock(); }).join();
        coir::checked_mutex second;
        coir::go([&] { lock_it(second); }).join();
        std::thread{[&] { second.unlock(); }}.join();
        coir::checked_mutex third;
        std::thread{[&] { lock_it(third); }}.join();
        third.unlock();
    });
    ::_exit(0);
}

// ThreadSanitizer has its own word to say about it.
TEST_CASE("an unlock by another coroutine or thread than locked it is named" *
          doctest::skip(COIR_TSAN)) {
    for (const auto& environment : every_size) {
        const outcome result = run_child("unlocks what others have locked", environment);
        INFO(result.error);
        CHECK(result.status == 0);
        CHECK(matches(result.error, "coroutine \\d+ \"unlocks\" unlocks mutex 0x[0-9a-f]+, which "
                                    "coroutine \\d+ has locked\n"));
        CHECK(matches(result.error, "coir: a thread of the program unlocks mutex 0x[0-9a-f]+, "
                                    "which coroutine \\d+ has locked\n"));
        CHECK(matches(result.error, "coroutine \\d+[^\n]* unlocks mutex 0x[0-9a-f]+, which "
                                    "a thread of the program has locked\n"));
    }
}

CHILD("locks as it should") {
    coir::run([] {
        coir::checked_mutex m;
        coir::checked<std::shared_mutex> shared;
        coir::mutex ours;
        long sum = 0;
        std::vector<coir::task<void>> tasks;
        for (int i = 0; i < 20; ++i) {
            tasks.push_back(coir::go([&] {
                for (int n = 0; n < 200; ++n) {
                    {
                        const std::scoped_lock guard{m};
                        ++sum;
                    }
                    coir::yield(); // it is released by now
                    { const std::shared_lock guard{shared}; }
                    coir::sleep_for(1ms);
                    const std::scoped_lock guard{ours}; // this one may be held
                    coir::yield();
                }
            }));
        }
        // Threads may wait with what they have locked: they stop nobody but themselves.
        const coir::chan<int> ch;
        std::thread outside{[&] {
            coir::checked_mutex own;
            const std::scoped_lock guard{own};
            const std::shared_lock sharing{shared};
            CHECK(ch.recv() == 1);
        }};
        CHECK(ch.send(1));
        for (auto& task : tasks) task.join();
        outside.join();
        CHECK(sum == 20 * 200);
    });
    ::_exit(0);
}

TEST_CASE("nothing is said of a lock released before the wait and of coir's own mutexes") {
    for (const auto& environment : every_size) {
        const outcome result = run_child("locks as it should", environment);
        INFO(result.error);
        CHECK(result.status == 0);
        CHECK(result.error.empty());
    }
}

CHILD("keeps a lock in a simulation") {
    coir::testing::simulate({.seed = 1}, [] {
        coir::checked_mutex m;
        coir::go({.name = "simulated"}, [&] {
            const std::scoped_lock guard{m};
            coir::sleep_for(1s);
        }).join();
    });
    ::_exit(0);
}

TEST_CASE("a simulation is checked, too") {
    const outcome result = run_child("keeps a lock in a simulation", {"COIR_CHECK=locks"});
    INFO(result.error);
    CHECK(result.status == 0);
    CHECK(result.says("\"simulated\" waits on sleep while it holds mutex"));
}

CHILD("keeps a lock on the smallest stack") {
    coir::run([] {
        coir::checked_mutex m;
        coir::go({.name = "small", .stack_size = 16 << 10}, [&] {
            const std::scoped_lock guard{m};
            coir::sleep_for(1ms);
        }).join();
    });
    ::_exit(0);
}

TEST_CASE("a report fits on the smallest stack") {
    const outcome result = run_child("keeps a lock on the smallest stack", {"COIR_CHECK=locks"});
    INFO(result.error);
    CHECK(result.status == 0);
    CHECK(result.says("\"small\" waits on sleep while it holds mutex"));
}
