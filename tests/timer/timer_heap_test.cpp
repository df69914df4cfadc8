// SPDX-License-Identifier: MIT
#include "timer/clock.hpp"
#include "timer/timer_heap.hpp"

#include <doctest/doctest.h>
#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <thread>
#include <vector>

namespace {

using coir::detail::timer_entry;
using coir::detail::timer_heap;
using coir::detail::timer_remove;

constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

struct recording_entry : timer_entry {
    recording_entry() = default;
    recording_entry(std::int64_t deadline, std::vector<recording_entry*>& to) : log(&to) {
        deadline_ns = deadline;
        fire = [](timer_entry& self) noexcept {
            auto& me = static_cast<recording_entry&>(self);
            me.log->push_back(&me);
        };
    }
    std::vector<recording_entry*>* log = nullptr;
};

// Equal deadlines keep their order. (Not std::stable_sort, whose libstdc++ clang 19 finds
// deprecated.)
void sort_by_deadline(std::vector<recording_entry*>& entries) {
    std::multimap<std::int64_t, recording_entry*> sorted;
    for (auto* each : entries) sorted.emplace(each->deadline_ns, each);
    std::transform(sorted.begin(), sorted.end(), entries.begin(),
                   [](const auto& each) { return each.second; });
}

TEST_CASE("timer heap: an empty heap has no deadline and nothing to fire") {
    timer_heap heap;
    CHECK(heap.earliest_ns() == never);
    CHECK(heap.size() == 0);
    CHECK(heap.expire(never) == 0);
}

TEST_CASE("timer heap: insert tells when the earliest deadline changed") {
    timer_heap heap;
    std::vector<recording_entry*> log;
    recording_entry late(200, log);
    recording_entry early(100, log);
    recording_entry between(150, log);
    recording_entry equal(100, log);
    CHECK(heap.insert(late));
    CHECK(heap.earliest_ns() == 200);
    CHECK(heap.insert(early));
    CHECK_FALSE(heap.insert(between));
    CHECK_FALSE(heap.insert(equal));
    CHECK(heap.earliest_ns() == 100);
    CHECK(heap.size() == 4);
    CHECK(early.heap() == &heap);
    CHECK(heap.expire(never) == 4);
    CHECK(heap.earliest_ns() == never);
}

TEST_CASE("timer heap: expire fires what is due and nothing else, oldest first") {
    timer_heap heap;
    std::vector<recording_entry*> log;
    recording_entry third(30, log);
    recording_entry first(10, log);
    recording_entry second(20, log);
    for (auto* each : {&third, &first, &second}) heap.insert(*each);
    CHECK(heap.expire(9) == 0);
    CHECK(heap.expire(20) == 2);
    CHECK(log == std::vector<recording_entry*>{&first, &second});
    CHECK(heap.earliest_ns() == 30);
    CHECK(heap.expire(30) == 1);
}

TEST_CASE("timer heap: fires no more than it is asked to") {
    timer_heap heap;
    std::vector<recording_entry*> log;
    recording_entry first(10, log);
    recording_entry second(20, log);
    for (auto* each : {&second, &first}) heap.insert(*each);
    CHECK(heap.expire(30, 1) == 1);
    CHECK(log == std::vector<recording_entry*>{&first});
    CHECK(heap.expire(30, 1) == 1);
    CHECK(heap.expire(30, 1) == 0);
    CHECK(log == std::vector<recording_entry*>{&first, &second});
}

TEST_CASE("timer heap: equal deadlines fire in the order of their insertion") {
    timer_heap heap;
    std::vector<recording_entry*> log;
    std::vector<std::unique_ptr<recording_entry>> entries;
    for (int i = 0; i < 1000; ++i) {
        entries.push_back(std::make_unique<recording_entry>(i % 3, log));
        heap.insert(*entries.back());
    }
    CHECK(heap.expire(2) == 1000);
    std::vector<recording_entry*> expected;
    for (const auto& each : entries) expected.push_back(each.get());
    sort_by_deadline(expected);
    CHECK(log == expected);
}

TEST_CASE("timer heap: a removed entry never fires, a fired one cannot be removed") {
    timer_heap heap;
    std::vector<recording_entry*> log;
    recording_entry entry(10, log);
    CHECK_FALSE(timer_remove(entry));
    heap.insert(entry);
    CHECK(timer_remove(entry));
    CHECK_FALSE(timer_remove(entry));
    CHECK(heap.expire(never) == 0);
    heap.insert(entry);
    CHECK(heap.expire(10) == 1);
    CHECK_FALSE(timer_remove(entry));
    CHECK(log.size() == 1);
}

TEST_CASE("timer heap: random insertions and removals fire in the order a sort predicts") {
    timer_heap heap;
    std::mt19937 random(7);
    std::vector<recording_entry*> log;
    std::vector<std::unique_ptr<recording_entry>> entries;
    std::vector<recording_entry*> pending;
    for (int i = 0; i < 20'000; ++i) {
        if (random() % 3 != 0 || pending.empty()) {
            entries.push_back(std::make_unique<recording_entry>(random() % 5000, log));
            heap.insert(*entries.back());
            pending.push_back(entries.back().get());
        } else {
            const auto victim = pending.begin() + static_cast<long>(random() % pending.size());
            REQUIRE(heap.remove(**victim));
            pending.erase(victim);
        }
        const auto* const least = *std::min_element(
            pending.begin(), pending.end(), [](const auto* left, const auto* right) {
                return left->deadline_ns < right->deadline_ns;
            });
        if (i % 64 == 0) REQUIRE(heap.earliest_ns() == least->deadline_ns);
    }
    CHECK(heap.size() == pending.size());
    CHECK(heap.expire(never) == pending.size());
    sort_by_deadline(pending);
    CHECK(log == pending);
}

struct ticking_entry : timer_entry {
    explicit ticking_entry(std::int64_t step) : step_ns(step) {
        fire = [](timer_entry& self) noexcept {
            auto& me = static_cast<ticking_entry&>(self);
            ++me.ticks;
            me.deadline_ns += me.step_ns;
            me.heap()->insert(me);
        };
    }
    std::int64_t step_ns;
    int ticks = 0;
};

TEST_CASE("timer heap: an entry that restarts itself in the past does not hold expire") {
    timer_heap heap;
    ticking_entry ticker(0);
    heap.insert(ticker);
    CHECK(heap.expire(1) == 1);
    CHECK(heap.expire(1) == 1);
    CHECK(ticker.ticks == 2);
    CHECK(heap.remove(ticker));
}

struct freed_entry : timer_entry {
    explicit freed_entry(int& counter) : freed(&counter) {
        fire = [](timer_entry& self) noexcept {
            auto* const me = static_cast<freed_entry*>(&self);
            ++*me->freed;
            delete me;
        };
    }
    int* freed;
};

TEST_CASE("timer heap: fire may free its entry") {
    timer_heap heap;
    int freed = 0;
    for (int i = 0; i < 100; ++i) {
        auto* const entry = new freed_entry(freed);
        entry->deadline_ns = i;
        heap.insert(*entry);
    }
    CHECK(heap.expire(100) == 100);
    CHECK(freed == 100);
}

struct removing_entry : timer_entry {
    explicit removing_entry(timer_entry& other) : victim(&other) {
        fire = [](timer_entry& self) noexcept {
            auto& me = static_cast<removing_entry&>(self);
            me.removed_itself = timer_remove(me);
            me.removed_other = timer_remove(*me.victim);
            me.nested = me.heap()->expire(never);
        };
    }
    timer_entry* victim;
    bool removed_itself = true;
    bool removed_other = false;
    std::size_t nested = 1;
};

TEST_CASE("timer heap: fire may remove entries, itself included, and cannot expire again") {
    timer_heap heap;
    std::vector<recording_entry*> log;
    recording_entry other(11, log);
    removing_entry entry(other);
    entry.deadline_ns = 10;
    heap.insert(entry);
    heap.insert(other);
    CHECK(heap.expire(never) == 1);
    CHECK_FALSE(entry.removed_itself);
    CHECK(entry.removed_other);
    CHECK(entry.nested == 0);
    CHECK(log.empty());
}

struct held_entry : timer_entry {
    held_entry() {
        deadline_ns = 1;
        fire = [](timer_entry& self) noexcept {
            auto& me = static_cast<held_entry&>(self);
            me.entered.store(true, std::memory_order_release);
            while (!me.release.load(std::memory_order_acquire)) std::this_thread::yield();
            me.left.store(true, std::memory_order_relaxed);
        };
    }
    std::atomic<bool> entered{false};
    std::atomic<bool> release{false};
    std::atomic<bool> left{false};
};

TEST_CASE("timer heap: remove waits for a fire in progress on another thread, expire does not") {
    timer_heap heap;
    held_entry entry;
    heap.insert(entry);
    std::thread expirer([&] { heap.expire(1); });
    while (!entry.entered.load(std::memory_order_acquire)) std::this_thread::yield();
    std::vector<recording_entry*> log;
    recording_entry other(1, log);
    heap.insert(other);
    CHECK(heap.expire(1) == 0); // one expirer at a time
    CHECK(heap.remove(other));  // not held up by the fire of another entry

    std::atomic<bool> removed{false};
    std::thread remover([&] {
        CHECK_FALSE(heap.remove(entry));
        CHECK(entry.left.load(std::memory_order_relaxed));
        removed.store(true, std::memory_order_release);
    });
    for (int i = 0; i < 1000; ++i) {
        std::this_thread::yield();
        CHECK_FALSE(removed.load(std::memory_order_acquire));
    }
    entry.release.store(true, std::memory_order_release);
    remover.join();
    expirer.join();
    CHECK(removed.load(std::memory_order_acquire));
}

struct counted_entry : timer_entry {
    counted_entry() {
        fire = [](timer_entry& self) noexcept { ++static_cast<counted_entry&>(self).fired; };
    }
    int fired = 0; // not atomic on purpose: remove() has to order it
};

TEST_CASE("timer heap: of removing and firing exactly one happens, whatever the threads do") {
    timer_heap heap;
    std::atomic<bool> stop{false};
    std::thread expirer([&] {
        while (!stop.load(std::memory_order_relaxed)) {
            if (heap.expire(100) == 0) std::this_thread::yield();
        }
    });
    const auto churn = [&](unsigned seed) {
        std::mt19937 random(seed);
        int fired = 0;
        for (int i = 0; i < 20'000; ++i) {
            counted_entry entry; // in the frame: freed right after remove()
            entry.deadline_ns = random() % 2 == 0 ? 50 : 200;
            heap.insert(entry);
            for (unsigned spins = random() % 64; spins != 0; --spins) coir::detail::cpu_relax();
            const bool removed = heap.remove(entry);
            CHECK(entry.fired == (removed ? 0 : 1));
            fired += entry.fired;
        }
        return fired;
    };
    std::thread other([&] { churn(1); });
    churn(2);
    other.join();
    stop.store(true, std::memory_order_relaxed);
    expirer.join();
    CHECK(heap.size() == 0);
}

TEST_CASE("timer heap: a million entries, and the memory is given back after the burst") {
    timer_heap heap;
    std::mt19937 random(3);
    std::vector<counted_entry> entries(1'000'000);
    const auto bytes_in_use = [] {
        const auto info = ::mallinfo2();
        return info.uordblks + info.hblkhd;
    };
    const std::size_t before = bytes_in_use();
    for (auto& each : entries) {
        each.deadline_ns = random() % 1'000'000'000;
        heap.insert(each);
    }
    CHECK(heap.size() == entries.size());
    const std::size_t full = bytes_in_use();
    SUBCASE("by removal") {
        for (auto& each : entries) REQUIRE(heap.remove(each));
    }
    SUBCASE("by expiry") {
        CHECK(heap.expire(never - 1) == entries.size());
        CHECK(std::all_of(entries.begin(), entries.end(),
                          [](const auto& each) { return each.fired == 1; }));
    }
    CHECK(heap.size() == 0);
    if (full > before) { // sanitizers have an allocator of their own
        CHECK(full - before >= 16'000'000);
        CHECK(bytes_in_use() < before + 100'000);
    }
}

TEST_CASE("deadlines saturate instead of overflowing") {
    using namespace std::chrono_literals;
    using coir::detail::saturating_deadline_ns;
    CHECK(saturating_deadline_ns(1000, 5us) == 6000);
    CHECK(saturating_deadline_ns(1000, -1us) == 0);
    CHECK(saturating_deadline_ns(-1000, std::chrono::nanoseconds::max()) == never);
    CHECK(saturating_deadline_ns(0, std::chrono::hours::max()) == never);
    CHECK(saturating_deadline_ns(0, std::chrono::duration<double>::max()) == never);
    CHECK(saturating_deadline_ns(10, std::chrono::nanoseconds(never - 5)) == never);
    CHECK(saturating_deadline_ns(-10, std::chrono::hours::min()) < -never + 10);
    CHECK(saturating_deadline_ns(0, std::chrono::duration<double, std::nano>(1.5)) == 2);
    CHECK(saturating_deadline_ns(std::chrono::steady_clock::time_point::max()) == never);
    CHECK(saturating_deadline_ns(std::chrono::steady_clock::time_point(7ns)) == 7);
    const auto now = coir::detail::monotonic_ns();
    CHECK(now <= std::chrono::steady_clock::now().time_since_epoch().count());
}

} // namespace
