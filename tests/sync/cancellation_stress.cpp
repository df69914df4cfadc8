// SPDX-License-Identifier: MIT
// Hammers waits that race against their own cancellation and timeout: each has happened or has left
// no trace.

#include "fixture.hpp"

#include <coir/sync/condition_variable.hpp>
#include <coir/sync/mutex.hpp>
#include <coir/sync/semaphore.hpp>
#include <coir/sync/shared_mutex.hpp>

#include <mutex>
#include <optional>
#include <shared_mutex>

using namespace fixture;

namespace {

/// Runs `attempt` many times, in many coroutines, with limits that strike before, while and after
/// it waits, and with stops from outside.
template <class Attempt> void hammer(int workers, int rounds, Attempt attempt) {
    std::vector<coir::task<void>> tasks;
    for (int p = 0; p < 8; ++p)
        tasks.push_back(coir::go([&, p] {
            for (int i = 0; i < rounds; ++i) {
                try {
                    switch ((i + p) % 3) {
                    case 0: coir::with_timeout(std::chrono::microseconds(i % 50), attempt); break;
                    case 1: {
                        auto victim = coir::go([&] { attempt(); });
                        for (int n = 0; n < i % 4; ++n) coir::yield();
                        victim.request_stop();
                        victim.join();
                        break;
                    }
                    default: attempt();
                    }
                } catch (const coir::timed_out&) {
                } catch (const coir::task_cancelled&) {}
                if (workers == 1 && i % 8 == 0) coir::yield();
            }
        }));
    for (auto& task : tasks) task.join();
}

struct count {
    std::atomic<int>& of;
    ~count() { of.fetch_sub(1); }
};

constexpr int rounds_each = 4000;

} // namespace

TEST_CASE("a mutex is held or not, whatever ended the wait for it") {
    for_each_runtime([](int workers) {
        coir::timed_mutex m;
        long held = 0; // no atomic
        std::atomic<long> entered{0};
        std::atomic<unsigned> turn{0};
        hammer(workers, scaled(rounds_each), [&] {
            std::unique_lock lock{m, std::defer_lock};
            if (turn.fetch_add(1) % 2 == 0) {
                lock.lock();
            } else if (!lock.try_lock_for(20us)) {
                return;
            }
            ++held;
            entered.fetch_add(1);
            coir::yield();
        });
        CHECK(m.try_lock());
        m.unlock();
        CHECK(held == entered.load());
        CHECK(held > 0);
    });
}

TEST_CASE("no permit of a semaphore is lost or made") {
    for_each_runtime([](int workers) {
        coir::counting_semaphore<> permits{2};
        std::atomic<int> inside{0};
        hammer(workers, scaled(rounds_each), [&] {
            permits.acquire();
            struct release {
                coir::counting_semaphore<>& permits;
                std::atomic<int>& inside;
                ~release() {
                    inside.fetch_sub(1);
                    permits.release();
                }
            };
            const release end{permits, inside};
            CHECK(inside.fetch_add(1) < 2);
            coir::yield();
            if (permits.try_acquire_for(5us)) permits.release();
        });
        CHECK(permits.try_acquire());
        CHECK(permits.try_acquire());
        CHECK(!permits.try_acquire());
    });
}

TEST_CASE("a shared_mutex ends free, whatever ended the waits for it") {
    for_each_runtime([](int workers) {
        coir::shared_mutex m;
        std::atomic<unsigned> turn{0};
        std::atomic<int> writers{0};
        std::atomic<int> readers{0};
        hammer(workers, scaled(rounds_each), [&] {
            if (turn.fetch_add(1) % 3 == 0) {
                const std::scoped_lock writing{m};
                CHECK(writers.fetch_add(1) == 0);
                const count end{writers};
                CHECK(readers.load() == 0);
                coir::yield();
            } else {
                const std::shared_lock reading{m};
                readers.fetch_add(1);
                const count end{readers};
                CHECK(writers.load() == 0);
                coir::yield();
            }
        });
        CHECK(m.try_lock());
        m.unlock();
    });
}

TEST_CASE("a queue with a condition variable serves the others while waits are cut short") {
    for_each_runtime([](int workers) {
        coir::mutex m;
        coir::condition_variable filled;
        long tokens = 0;
        long taken = 0;
        long given = 0;
        std::atomic<bool> stop{false};
        auto giver = coir::go([&] {
            while (!stop.load()) {
                {
                    const std::scoped_lock guard{m};
                    ++tokens;
                    ++given;
                }
                filled.notify_one();
                coir::yield();
            }
        });
        hammer(workers, scaled(rounds_each), [&] {
            std::unique_lock lock{m};
            filled.wait(lock, [&] { return tokens > 0; });
            --tokens;
            ++taken;
        });
        stop.store(true);
        giver.join();
        CHECK(tokens + taken == given);
        CHECK(taken > 0);
    });
}

TEST_CASE("each value is received exactly once or still in the channel") {
    for (const std::size_t capacity : {std::size_t{0}, std::size_t{2}}) {
        INFO("capacity = ", capacity);
        for_each_runtime([&](int workers) {
            const coir::chan<int> ch(capacity);
            std::atomic<long> sent{0};
            std::atomic<long> received{0};
            std::atomic<unsigned> turn{0};
            std::atomic<bool> stop{false};
            // Serves whoever would wait in vain.
            auto pump = coir::go([&] {
                while (!stop.load()) {
                    coir::select(ch.on_recv([&](std::optional<int>) { received.fetch_add(1); }),
                                 ch.on_send(1, [&] { sent.fetch_add(1); }), coir::on_timeout(20us));
                    coir::yield(); // a select that is ready lets nobody else run
                }
            });
            hammer(workers, scaled(rounds_each), [&] {
                int out = 0;
                switch (turn.fetch_add(1) % 5) {
                case 0:
                    if (ch.recv()) received.fetch_add(1);
                    break;
                case 1:
                    if (ch.send(1)) sent.fetch_add(1);
                    break;
                case 2:
                    if (ch.recv_for(10us, out) == coir::channel_status::success)
                        received.fetch_add(1);
                    break;
                case 3:
                    if (ch.send_for(10us, 1) == coir::channel_status::success) sent.fetch_add(1);
                    break;
                default:
                    coir::select(ch.on_recv([&](std::optional<int>) { received.fetch_add(1); }),
                                 ch.on_send(1, [&] { sent.fetch_add(1); }));
                }
            });
            stop.store(true);
            pump.join();
            int out = 0;
            while (ch.try_recv(out) == coir::channel_status::success) received.fetch_add(1);
            CHECK(sent.load() == received.load());
            CHECK(sent.load() > 0);
        });
    }
}
