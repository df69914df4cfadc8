// SPDX-License-Identifier: MIT
// Covers barrier.

#include "fixture.hpp"

#include <coir/sync/barrier.hpp>
#include <coir/sync/mutex.hpp>

#include <mutex>
#include <stdexcept>

using namespace fixture;

TEST_CASE("the completion runs between the phases, and nobody is in two of them") {
    for_each_crew([](crew& members) {
        constexpr std::size_t parties = 4;
        const int phases = scaled(200);
        int completed = 0; // no atomics: the barrier has to order all this
        std::array<int, parties> progress{};
        coir::barrier step{parties, [&]() noexcept {
                               ++completed;
                               for (const int one : progress) CHECK(one == completed);
                           }};
        for (std::size_t p = 0; p < parties; ++p)
            members.start([&, p] {
                for (int phase = 1; phase <= phases; ++phase) {
                    ++progress[p];
                    if ((static_cast<std::size_t>(phase) + p) % 5 == 0) members.pause();
                    step.arrive_and_wait();
                    // Others may have arrived again, but the phase cannot end without us.
                    CHECK(completed == phase);
                }
            });
        members.join();
        CHECK(completed == phases);
    });
}

TEST_CASE("arrive does not wait, and its token waits later") {
    for_each_crew([](crew& members) {
        coir::barrier step{3};
        members.start([&] {
            auto two = step.arrive(2);
            auto last = step.arrive();
            step.wait(std::move(two));
            step.wait(std::move(last));
            auto early = step.arrive();
            auto late = step.arrive(2);
            auto next = step.arrive(3);
            step.wait(std::move(early)); // a phase that is long over
            step.wait(std::move(late));
            step.wait(std::move(next));
        });
        members.join();
    });
}

TEST_CASE("who drops out is not waited for any more") {
    for_each_crew([](crew& members) {
        coir::barrier step{3};
        members.start([&] { step.arrive_and_drop(); });
        for (int p = 0; p < 2; ++p)
            members.start([&] {
                for (int i = 0; i < 50; ++i) step.arrive_and_wait();
            });
        members.join();
    });
}

TEST_CASE("a completion may wait, and is not interrupted") {
    for_each_runtime([] {
        coir::mutex m;
        int completions = 0;
        coir::barrier step{2, [&]() noexcept {
                               const std::scoped_lock guard{m};
                               ++completions;
                           }};
        m.lock();
        auto other = coir::go([&] { step.arrive_and_wait(); });
        auto last = coir::go([&] { step.arrive_and_wait(); });
        for (int i = 0; i < 20; ++i) coir::yield();
        other.request_stop();
        last.request_stop();
        for (int i = 0; i < 20; ++i) coir::yield();
        CHECK(completions == 0);
        m.unlock();
        int ended = 0;
        for (auto* task : {&other, &last}) {
            try {
                task->join();
            } catch (const coir::task_cancelled&) {}
            ++ended;
        }
        CHECK(ended == 2);
        // Both arrived, unless one was stopped before its first instruction.
        CHECK(completions <= 1);
    });
}

TEST_CASE("an arrival counts although its wait was cancelled") {
    for_each_runtime([] {
        coir::barrier step{2};
        CHECK_THROWS_AS(coir::with_timeout(0ms, [&] { step.arrive_and_wait(); }), coir::timed_out);
        step.arrive_and_wait();
    });
}

TEST_CASE("more arrivals than expected are refused") {
    CHECK_THROWS_AS(coir::barrier<>{-1}, std::logic_error);
    coir::barrier two{2};
    CHECK_THROWS_AS(static_cast<void>(two.arrive(3)), std::logic_error);
    CHECK_THROWS_AS(static_cast<void>(two.arrive(0)), std::logic_error);
    two.wait(two.arrive(2));
}
