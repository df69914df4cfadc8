// SPDX-License-Identifier: MIT
// Destroys each thing to wait at as early as its users may: right after the release by somebody
// else, which may still be returning. ASan and TSan see what touches it too late.

#include "fixture.hpp"

#include <coir/sync/barrier.hpp>
#include <coir/sync/condition_variable.hpp>
#include <coir/sync/latch.hpp>
#include <coir/sync/mutex.hpp>
#include <coir/sync/once.hpp>
#include <coir/sync/semaphore.hpp>
#include <coir/sync/shared_mutex.hpp>
#include <coir/sync/wait_group.hpp>

#include <memory>
#include <mutex>
#include <shared_mutex>

using namespace fixture;

namespace {

constexpr int rounds = 400;

/// Runs both sides at once, many times, each time on a new object that the destroyer deletes.
template <class Object, class Make, class Releaser, class Destroyer>
void duel(Make make, Releaser release, Destroyer destroy) {
    for_each_crew([&](crew& members) {
        for (int i = 0; i < scaled(rounds); ++i) {
            Object* const object = make();
            members.start([=] { release(*object); });
            members.start([=] {
                destroy(*object);
                delete object;
            });
            members.join();
        }
    });
}

struct counted_mutex {
    coir::mutex mutex;
    int done = 0;
};

struct counted_shared_mutex {
    coir::shared_mutex mutex;
    int done = 0;
};

struct condition {
    coir::mutex mutex;
    coir::condition_variable changed;
    bool ready = false;
};

} // namespace

TEST_CASE("a mutex whose last user destroys it") {
    for_each_crew([](crew& members) {
        for (int i = 0; i < scaled(rounds); ++i) {
            auto* const shared = new counted_mutex;
            for (int p = 0; p < 3; ++p)
                members.start([shared] {
                    shared->mutex.lock();
                    const bool last = ++shared->done == 3;
                    shared->mutex.unlock();
                    if (last) delete shared;
                });
            members.join();
        }
    });
}

TEST_CASE("a shared_mutex whose last user destroys it") {
    for_each_crew([](crew& members) {
        for (int i = 0; i < scaled(rounds); ++i) {
            auto* const shared = new counted_shared_mutex;
            for (int p = 0; p < 3; ++p)
                members.start([shared] {
                    shared->mutex.lock();
                    const bool last = ++shared->done == 3;
                    shared->mutex.unlock();
                    if (last) delete shared;
                });
            members.join();
        }
    });
}

TEST_CASE("a semaphore, a latch, a wait group and a barrier whose waiter destroys them") {
    duel<coir::binary_semaphore>([] { return new coir::binary_semaphore{0}; },
                                 [](auto& semaphore) { semaphore.release(); },
                                 [](auto& semaphore) { semaphore.acquire(); });
    duel<coir::latch>([] { return new coir::latch{1}; }, [](auto& latch) { latch.count_down(); },
                      [](auto& latch) { latch.wait(); });
    duel<coir::wait_group>(
        [] {
            auto* const group = new coir::wait_group;
            group->add(1);
            return group;
        },
        [](auto& group) { group.done(); }, [](auto& group) { group.wait(); });
    duel<coir::barrier<>>([] { return new coir::barrier<>{2}; },
                          [](auto& barrier) { barrier.arrive_and_drop(); },
                          [](auto& barrier) { barrier.arrive_and_wait(); });
}

TEST_CASE("a condition variable that is destroyed when all have been notified") {
    duel<condition>([] { return new condition; },
                    [](condition& shared) {
                        const std::scoped_lock guard{shared.mutex};
                        shared.ready = true;
                        shared.changed.notify_all();
                    },
                    [](condition& shared) {
                        std::unique_lock lock{shared.mutex};
                        shared.changed.wait(lock, [&] { return shared.ready; });
                    });
}

TEST_CASE("a condition variable that is destroyed while a timed wait is about to give up") {
    for_each_crew([](crew& members) {
        for (int i = 0; i < scaled(rounds); ++i) {
            coir::mutex m;
            bool ready = false;
            auto changed = std::make_unique<coir::condition_variable>();
            std::atomic<int> waiting{0};
            for (int p = 0; p < 3; ++p)
                members.start([&, p] {
                    std::unique_lock lock{m};
                    waiting.fetch_add(1);
                    if (ready) return;
                    static_cast<void>(
                        changed->wait_for(lock, std::chrono::microseconds(20 + 10 * p)));
                });
            members.start([&] {
                members.wait_until([&] { return waiting.load() == 3; });
                {
                    const std::scoped_lock guard{m};
                    ready = true;
                    changed->notify_all();
                }
                changed.reset();
            });
            members.join();
        }
    });
}
