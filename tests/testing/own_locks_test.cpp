// SPDX-License-Identifier: MIT
// Covers synchronisation under explore: right programs pass every schedule.

#include "passes.hpp"

#include <deque>
#include <mutex>
#include <shared_mutex>
#include <stdexcept>

using namespace fixture;

TEST_CASE("a mutex excludes and a condition variable wakes") {
    passes([] {
        coir::mutex guard;
        coir::condition_variable not_empty, not_full;
        std::deque<int> queue;
        int inside = 0;
        int sum = 0;
        coir::wait_group all;
        for (int who = 0; who < 2; ++who) {
            all.go([&] {
                for (int i = 1; i <= 2; ++i) {
                    std::unique_lock lock{guard};
                    not_full.wait(lock, [&] { return queue.empty(); });
                    require(++inside == 1, "alone");
                    coir::testing::maybe_preempt();
                    queue.push_back(i);
                    --inside;
                    not_empty.notify_one();
                }
            });
            all.go([&] {
                for (int i = 0; i < 2; ++i) {
                    std::unique_lock lock{guard};
                    not_empty.wait(lock, [&] { return !queue.empty(); });
                    require(++inside == 1, "alone");
                    coir::testing::maybe_preempt();
                    sum += queue.front();
                    queue.pop_front();
                    --inside;
                    not_full.notify_one();
                }
            });
        }
        all.wait();
        require(sum == 6, "sum");
    });
}

TEST_CASE("notify_all wakes all, and a wait that is cancelled has its mutex again") {
    passes([] {
        coir::mutex guard;
        coir::condition_variable changed;
        bool open = false;
        int through = 0;
        int given_up = 0;
        std::vector<coir::task<void>> waiting;
        for (int i = 0; i < 3; ++i) {
            waiting.push_back(coir::go([&] {
                std::unique_lock lock{guard};
                try {
                    changed.wait(lock, [&] { return open; });
                    ++through;
                } catch (const coir::cancelled&) {
                    require(lock.owns_lock(), "owned");
                    ++given_up;
                }
            }));
        }
        waiting[0].request_stop();
        {
            const std::scoped_lock lock{guard};
            open = true;
        }
        changed.notify_all();
        for (auto& task : waiting) {
            try {
                task.join();
            } catch (const coir::task_cancelled&) { // before its first instruction
                ++given_up;
            }
        }
        require(through + given_up == 3 && given_up <= 1, "all but one at most");
    });
}

TEST_CASE("timed waits for locks either have them or do not") {
    passes([] {
        coir::timed_mutex guard;
        coir::counting_semaphore<> slots{1};
        int inside = 0;
        coir::wait_group all;
        for (int i = 0; i < 3; ++i) {
            all.go([&] {
                if (guard.try_lock_for(1s)) {
                    require(++inside == 1, "alone");
                    coir::sleep_for(1s);
                    --inside;
                    guard.unlock();
                }
                if (slots.try_acquire_for(500ms)) {
                    coir::sleep_for(300ms);
                    slots.release();
                }
            });
        }
        all.wait();
        require(guard.try_lock(), "free at the end");
        guard.unlock();
        require(slots.try_acquire() && !slots.try_acquire(), "one permit at the end");
    });
}

TEST_CASE("a shared_mutex admits readers together and writers alone") {
    passes([] {
        coir::shared_mutex guard;
        int readers = 0;
        int writers = 0;
        coir::wait_group all;
        for (int i = 0; i < 3; ++i) {
            all.go([&] {
                const std::shared_lock reading{guard};
                ++readers;
                require(writers == 0, "no writer");
                coir::testing::maybe_preempt();
                --readers;
            });
            all.go([&] {
                const std::scoped_lock writing{guard};
                require(++writers == 1 && readers == 0, "alone");
                coir::testing::maybe_preempt();
                --writers;
            });
        }
        all.wait();
    });
}

TEST_CASE("latch, barrier, call_once and synchronized") {
    passes([] {
        coir::latch ready{3};
        int phases = 0;
        coir::barrier step{3, [&]() noexcept { ++phases; }};
        coir::once_flag once;
        int calls = 0;
        coir::synchronized<std::vector<int>> log;
        coir::wait_group all;
        for (int i = 0; i < 3; ++i) {
            all.go([&, i] {
                ready.arrive_and_wait();
                for (int phase = 1; phase <= 2; ++phase) {
                    step.arrive_and_wait();
                    require(phases >= phase, "a phase is over");
                }
                coir::call_once(once, [&] {
                    coir::yield();
                    ++calls;
                });
                require(calls == 1, "called");
                log.lock()->push_back(i);
            });
        }
        all.wait();
        require(log.lock()->size() == 3 && phases == 2, "all came through");
    });
}

TEST_CASE("a call_once that throws lets the next one try") {
    passes([] {
        coir::once_flag once;
        int tries = 0;
        coir::wait_group all;
        for (int i = 0; i < 3; ++i) {
            all.go([&] {
                try {
                    coir::call_once(once, [&] {
                        coir::testing::maybe_preempt();
                        if (++tries < 3) throw std::runtime_error("not yet");
                    });
                } catch (const std::runtime_error&) {}
            });
        }
        all.wait();
        require(tries == 3, "three tries");
    });
}
