// SPDX-License-Identifier: MIT
// Covers condition_variable.

#include "fixture.hpp"

#include <coir/sync/condition_variable.hpp>
#include <coir/sync/latch.hpp>

#include <deque>
#include <optional>

using namespace fixture;

namespace {

/// The queue under a lock with a condition variable that everybody writes first.
class queue {
public:
    void push(int value) {
        {
            const std::scoped_lock guard{mutex_};
            values_.push_back(value);
        }
        filled_.notify_one();
    }
    void close() {
        {
            const std::scoped_lock guard{mutex_};
            closed_ = true;
        }
        filled_.notify_all();
    }
    std::optional<int> pop() {
        std::unique_lock lock{mutex_};
        filled_.wait(lock, [&] { return closed_ || !values_.empty(); });
        if (values_.empty()) return std::nullopt;
        const int value = values_.front();
        values_.pop_front();
        return value;
    }
    std::size_t size() {
        const std::scoped_lock guard{mutex_};
        return values_.size();
    }

private:
    coir::mutex mutex_;
    coir::condition_variable filled_;
    std::deque<int> values_;
    bool closed_ = false;
};

/// Waits until `count` parties wait, so that a notification has somebody to find.
struct roll_call {
    coir::mutex mutex;
    coir::condition_variable condition;
    int waiting = 0;

    void until(const crew& members, int count) {
        members.wait_until([&] {
            const std::scoped_lock guard{mutex}; // a waiter that counted has unlocked in its wait
            return waiting == count;
        });
    }
};

} // namespace

TEST_CASE("a queue of a mutex and a condition variable loses and doubles nothing") {
    for_each_crew([](crew& members) {
        queue numbers;
        const int count = scaled(500);
        std::atomic<long> sum{0};
        std::atomic<int> producing{2};
        for (int p = 0; p < 2; ++p)
            members.start([&] {
                for (int i = 1; i <= count; ++i) {
                    numbers.push(i);
                    if (i % 8 == 0) members.pause();
                }
                if (producing.fetch_sub(1) == 1) numbers.close();
            });
        for (int c = 0; c < 3; ++c)
            members.start([&] {
                while (const auto value = numbers.pop()) sum.fetch_add(*value);
            });
        members.join();
        CHECK(sum.load() == long{count} * (count + 1));
    });
}

TEST_CASE("notify_one wakes one, notify_all all") {
    for_each_crew([](crew& members) {
        roll_call all;
        std::atomic<int> woken{0};
        for (int i = 0; i < 5; ++i)
            members.start([&] {
                std::unique_lock lock{all.mutex};
                ++all.waiting;
                all.condition.wait(lock);
                CHECK(lock.owns_lock());
                woken.fetch_add(1);
            });
        members.start([&] {
            all.until(members, 5);
            all.condition.notify_one();
            members.wait_until([&] { return woken.load() == 1; });
            members.settle();
            CHECK(woken.load() == 1);
            all.condition.notify_all();
        });
        members.join();
        CHECK(woken.load() == 5);
    });
}

TEST_CASE("a notification that nobody waits for is not kept") {
    for_each_crew([](crew& members) {
        members.start([] {
            coir::mutex m;
            coir::condition_variable condition;
            condition.notify_one();
            condition.notify_all();
            std::unique_lock lock{m};
            CHECK(condition.wait_for(lock, 2ms) == std::cv_status::timeout);
        });
        members.join();
    });
}

TEST_CASE("timed waits give up in time, not before, and own the mutex again") {
    for_each_crew([](crew& members) {
        members.start([] {
            coir::mutex m;
            coir::condition_variable condition;
            std::unique_lock lock{m};
            auto start = coir::clock::now();
            CHECK(condition.wait_for(lock, 3ms) == std::cv_status::timeout);
            CHECK(coir::clock::now() - start >= 3ms);
            start = coir::clock::now();
            CHECK(condition.wait_until(lock, start + 2ms) == std::cv_status::timeout);
            CHECK(condition.wait_until(lock, std::chrono::system_clock::now() + 2ms) ==
                  std::cv_status::timeout);
            CHECK(!condition.wait_for(lock, 1ms, [] { return false; }));
            CHECK(condition.wait_for(lock, 1h, [] { return true; }));
            CHECK(
                !condition.wait_until(lock, coir::clock::time_point::min(), [] { return false; }));
            CHECK(coir::clock::now() - start >= 5ms);
            CHECK(!m.try_lock());
        });
        members.join();
    });
}

TEST_CASE("a timed wait ends by a notification that comes in time") {
    for_each_crew([](crew& members) {
        roll_call all;
        bool ready = false;
        members.start([&] {
            std::unique_lock lock{all.mutex};
            ++all.waiting;
            CHECK(all.condition.wait_for(lock, 1h, [&] { return ready; }));
        });
        members.start([&] {
            all.until(members, 1);
            {
                const std::scoped_lock guard{all.mutex};
                ready = true;
            }
            all.condition.notify_one();
        });
        members.join();
    });
}

TEST_CASE("a cancelled wait owns the mutex when it throws, however long that takes") {
    for_each_runtime([](int workers) {
        const crew members{workers};
        roll_call all;
        bool owned = false;
        auto task = coir::go([&] {
            std::unique_lock lock{all.mutex};
            ++all.waiting;
            try {
                all.condition.wait(lock);
            } catch (const coir::cancelled&) {
                owned = lock.owns_lock() && !all.mutex.try_lock();
                throw;
            }
        });
        all.until(members, 1);
        all.mutex.lock();
        task.request_stop();
        members.settle();
        CHECK(!task.done()); // it has to wait for us first
        all.mutex.unlock();
        CHECK_THROWS_AS(task.join(), coir::task_cancelled);
        CHECK(owned);
        CHECK(all.mutex.try_lock());
        all.mutex.unlock();
    });
}

TEST_CASE("a cancelled wait does not consume a notification") {
    for_each_runtime([](int workers) {
        const crew members{workers};
        for (int round = 0; round < scaled(100); ++round) {
            roll_call all;
            std::atomic<int> notified{0};
            std::vector<coir::task<void>> tasks;
            for (int i = 0; i < 2; ++i)
                tasks.push_back(coir::go([&] {
                    std::unique_lock lock{all.mutex};
                    ++all.waiting;
                    all.condition.wait(lock);
                    notified.fetch_add(1);
                }));
            all.until(members, 2);
            auto stopper = coir::go([&] { tasks[0].request_stop(); });
            all.condition.notify_one();
            stopper.join();
            // Whoever was not cancelled got it: exactly one.
            members.wait_until([&] { return notified.load() == 1; });
            if (!tasks[0].done()) members.settle();
            all.condition.notify_all();
            int cancelled = 0;
            for (auto& task : tasks) {
                try {
                    task.join();
                } catch (const coir::task_cancelled&) {
                    ++cancelled;
                }
            }
            CHECK(cancelled + notified.load() == 2);
        }
    });
}

TEST_CASE("a predicate that holds is not waited for, cancelled or not") {
    for_each_runtime([] {
        coir::mutex m;
        coir::condition_variable condition;
        CHECK(coir::with_timeout(0ms, [&] {
                  std::unique_lock lock{m};
                  condition.wait(lock, [] { return true; });
                  return 1;
              }) == 1);
    });
}
