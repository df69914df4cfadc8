// SPDX-License-Identifier: MIT
// Covers mutex and timed_mutex.

#include "fixture.hpp"

#include <coir/sync/latch.hpp>
#include <coir/sync/mutex.hpp>

#include <mutex>

using namespace fixture;

static_assert(!std::is_copy_constructible_v<coir::mutex> &&
              !std::is_move_assignable_v<coir::mutex>);

namespace {

constinit coir::mutex made_before_main;

} // namespace

TEST_CASE("a critical section is never entered twice at once") {
    for_each_crew([](crew& members) {
        coir::mutex m;
        std::atomic<int> inside{0};
        int count = 0; // no atomic: TSan sees whether the mutex orders
        const int rounds = scaled(members.coroutines() ? 200 : 2000);
        const int parties = members.coroutines() ? 100 : 4;
        for (int p = 0; p < parties; ++p)
            members.start([&, p] {
                for (int i = 0; i < rounds; ++i) {
                    const std::scoped_lock guard{m};
                    CHECK(inside.fetch_add(1) == 0);
                    ++count;
                    if ((i + p) % 16 == 0) members.pause();
                    inside.fetch_sub(1);
                }
            });
        members.join();
        CHECK(count == parties * rounds);
    });
}

TEST_CASE("a mutex can be locked before any runtime exists") {
    const std::scoped_lock guard{made_before_main};
    CHECK(!made_before_main.try_lock());
}

TEST_CASE("try_lock takes what is free and nothing else") {
    for_each_crew([](crew& members) {
        members.start([] {
            coir::mutex m;
            CHECK(m.try_lock());
            CHECK(!m.try_lock());
            m.unlock();
            const std::unique_lock lock{m, std::try_to_lock};
            CHECK(lock.owns_lock());
        });
        members.join();
    });
}

TEST_CASE("the standard's guards work, also on several mutexes in any order") {
    for_each_crew([](crew& members) {
        coir::mutex a;
        coir::timed_mutex b;
        int count = 0;
        for (int p = 0; p < 4; ++p)
            members.start([&, p] {
                for (int i = 0; i < 200; ++i) {
                    if (p % 2 == 0) {
                        const std::scoped_lock both{a, b};
                        ++count;
                    } else {
                        std::lock(b, a);
                        const std::lock_guard first{a, std::adopt_lock};
                        const std::lock_guard second{b, std::adopt_lock};
                        ++count;
                        if (i % 8 == 0) members.pause();
                    }
                }
            });
        members.join();
        CHECK(count == 800);
    });
}

TEST_CASE("a mutex may be unlocked by somebody else") {
    for_each_crew([](crew& members) {
        coir::mutex m;
        coir::latch locked{1};
        members.start([&] {
            m.lock();
            locked.count_down();
        });
        members.start([&] {
            locked.wait();
            members.settle();
            m.unlock();
        });
        members.start([&] {
            locked.wait();
            m.lock();
            m.unlock();
        });
        members.join();
    });
}

TEST_CASE("a waiter gets its turn from one that locks again at once") {
    for_each_crew([](crew& members) {
        coir::mutex m;
        std::atomic<int> served{0};
        constexpr int waiters = 3;
        members.start([&] {
            while (served.load() < waiters) {
                const std::scoped_lock greedy{m};
                members.pause();
            }
        });
        for (int i = 0; i < waiters; ++i)
            members.start([&] {
                const std::scoped_lock guard{m};
                served.fetch_add(1);
            });
        members.join();
    });
}

TEST_CASE("try_lock_for and try_lock_until give up in time, and not before") {
    for_each_crew([](crew& members) {
        coir::timed_mutex m;
        coir::latch locked{1};
        coir::latch tried{1};
        members.start([&] {
            const std::scoped_lock guard{m};
            locked.count_down();
            tried.wait();
        });
        members.start([&] {
            locked.wait();
            auto start = coir::clock::now();
            CHECK(!m.try_lock_for(3ms));
            CHECK(coir::clock::now() - start >= 3ms);
            start = coir::clock::now();
            CHECK(!m.try_lock_until(start + 2ms));
            CHECK(!m.try_lock_until(std::chrono::system_clock::now() + 2ms));
            CHECK(coir::clock::now() - start >= 4ms);
            CHECK(!m.try_lock_for(0ms));
            CHECK(!m.try_lock_for(-1h));
            CHECK(!m.try_lock_until(coir::clock::time_point::min()));
            std::unique_lock lock{m, 1ms};
            CHECK(!lock.owns_lock());
            tried.count_down();
            CHECK(lock.try_lock_for(std::chrono::hours::max()));
            lock.unlock();
            CHECK(m.try_lock_until(std::chrono::system_clock::time_point::max()));
            m.unlock();
        });
        members.join();
    });
}

TEST_CASE("lock in a cancelled scope throws only if it would have to wait") {
    for_each_runtime([] {
        coir::mutex m;
        coir::mutex other;
        m.lock();
        bool took_free_one = false;
        bool went_on = false;
        CHECK_THROWS_AS(coir::with_timeout(0ms,
                                           [&] {
                                               other.lock();
                                               took_free_one = true;
                                               other.unlock();
                                               m.lock();
                                               went_on = true;
                                           }),
                        coir::timed_out);
        CHECK(took_free_one);
        CHECK(!went_on);
        m.unlock();
        CHECK(m.try_lock());
        m.unlock();
    });
}

TEST_CASE("while a stack unwinds lock waits, cancelled or not") {
    for_each_runtime([] {
        coir::mutex m;
        coir::latch ready{1};
        bool locked = false;
        m.lock();
        auto task = coir::go([&] {
            struct closing {
                coir::mutex& mutex;
                bool& locked;
                ~closing() {
                    const std::scoped_lock guard{mutex};
                    locked = true;
                }
            };
            const closing last{m, locked};
            ready.count_down();
            coir::sleep_for(1h);
        });
        ready.wait();
        task.request_stop();
        for (int i = 0; i < 20; ++i) coir::yield();
        CHECK(!task.done());
        m.unlock();
        CHECK_THROWS_AS(task.join(), coir::task_cancelled);
        CHECK(locked);
    });
}

TEST_CASE("a parked lock is cut short by cancellation and leaves no trace") {
    for_each_runtime([] {
        coir::mutex m;
        m.lock();
        std::vector<coir::task<void>> tasks;
        for (int i = 0; i < 100; ++i) tasks.push_back(coir::go([&] { m.lock(); }));
        for (int i = 0; i < 20; ++i) coir::yield();
        for (auto& task : tasks) task.request_stop();
        for (auto& task : tasks) CHECK_THROWS_AS(task.join(), coir::task_cancelled);
        m.unlock();
        CHECK(m.try_lock());
        m.unlock();
    });
}

TEST_CASE("threads and coroutines contend for one mutex") {
    coir::mutex m;
    int count = 0;
    const int rounds = scaled(2000);
    crew threads{0};
    const auto work = [&] {
        for (int i = 0; i < rounds; ++i) {
            const std::scoped_lock guard{m};
            ++count;
        }
    };
    threads.start(work);
    threads.start(work);
    coir::run(with_workers(2), [&] {
        crew coroutines{2};
        for (int i = 0; i < 4; ++i)
            coroutines.start([&] {
                for (int n = 0; n < rounds; ++n) {
                    const std::scoped_lock guard{m};
                    ++count;
                    if (n % 8 == 0) coir::yield();
                }
            });
        coroutines.join();
        coir::blocking([&] { threads.join(); });
    });
    CHECK(count == 6 * rounds);
}
