// SPDX-License-Identifier: MIT
#include "fixture.hpp"
#include "sched/start_deque.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

using fixture::scaled;

namespace {

using coir::detail::coroutine;
using coir::detail::start_deque;

/// The deque never looks into what it holds.
coroutine* numbered(std::size_t number) {
    return reinterpret_cast<coroutine*>(number + 1); // not null
}
std::size_t number_of(coroutine* co) { return reinterpret_cast<std::size_t>(co) - 1; }

} // namespace

TEST_CASE("the owner takes the newest, a thief the oldest") {
    const auto deque = std::make_unique<start_deque>();
    for (std::size_t i = 0; i < 4; ++i) CHECK(deque->push(numbered(i)));
    CHECK(deque->size() == 4);
    CHECK(number_of(deque->pop_newest()) == 3);
    CHECK(number_of(deque->take_oldest()) == 0);
    CHECK(number_of(deque->pop_newest_alone()) == 2);
    CHECK(number_of(deque->pop_newest()) == 1);
    CHECK(deque->pop_newest() == nullptr);
    CHECK(deque->pop_newest_alone() == nullptr);
    CHECK(deque->take_oldest() == nullptr);
    CHECK(deque->size() == 0);
}

TEST_CASE("a full deque refuses") {
    const auto deque = std::make_unique<start_deque>();
    for (std::size_t i = 0; i < start_deque::capacity; ++i) CHECK(deque->push(numbered(i)));
    CHECK_FALSE(deque->push(numbered(0)));
    CHECK(number_of(deque->take_oldest()) == 0);
    CHECK(deque->push(numbered(start_deque::capacity)));
    CHECK(number_of(deque->pop_newest()) == start_deque::capacity);
}

TEST_CASE("each is taken exactly once, though two thieves and the owner want the last") {
    const auto count = static_cast<std::size_t>(scaled(2'000'000));
    const auto deque = std::make_unique<start_deque>();
    std::vector<std::atomic<int>> taken(count);
    std::atomic<bool> finished{false};
    const auto take = [&](coroutine* co) {
        if (co != nullptr) taken[number_of(co)].fetch_add(1, std::memory_order_relaxed);
    };
    std::vector<std::thread> thieves;
    for (int i = 0; i < 2; ++i) {
        thieves.emplace_back([&] {
            while (!finished.load()) take(deque->take_oldest());
        });
    }
    for (std::size_t next = 0; next < count;) {
        // Short bursts: the deque is nearly always about to be empty, where the races are.
        for (std::size_t burst = next % 3 + 1; burst > 0 && next < count; --burst) {
            if (deque->push(numbered(next))) ++next;
        }
        take(deque->pop_newest());
    }
    while (deque->size() != 0) take(deque->pop_newest());
    finished.store(true);
    for (auto& thief : thieves) thief.join();
    std::size_t wrong = 0;
    for (const auto& times : taken) wrong += times.load() != 1;
    CHECK(wrong == 0);
}
