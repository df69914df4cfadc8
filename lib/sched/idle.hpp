// SPDX-License-Identifier: MIT
#pragma once
// Owns the knowledge of which workers sleep and how many search, and wakes one when that helps.
//
// Invariants
//   A worker is busy, searching (looking through other workers' queues) or sleeping (in `sleepers_`
//   and in its ring's wait). At most half of the workers search.
// Protocol
//   Whoever makes work that only a sleeper may ever take (the injection queue) calls
//   `announce`: push; full fence; read sleeping and searching; wake one if some sleep, none search.
//   Whoever goes to sleep: leave searching, enter sleepers; full fence; look at all queues again;
//   only then wait. One of the two sees the other, so no work is left while all sleep. The two
//   fences are each other's partners.
//   A worker's own queue needs no such care: its owner is awake and will come to it. `hint` may
//   therefore read stale values; the price of a miss is parallelism for a moment, which the
//   watchdog bounds. What becomes ready in the loop (completions, timers) comes in batches: one
//   hint for all of them, when they are known, and none for a single one, which runs here and now.
//   A woken worker counts as searching from the wake-up on (its waker counts for it), so that ten
//   pushes in a row wake one worker and not ten. The last searcher that finds work wakes the next
//   if there seems to be more.
// Rejected
//   Waking at every push: on the machines measured a wake-up costs 5 us, a pushed coroutine 5 ns.

#include "base/spin_lock.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <vector>

namespace coir::detail {

class worker;

class idle_workers {
public:
    explicit idle_workers(std::size_t workers)
        : limit_{(static_cast<std::uint32_t>(workers) + 1) / 2} {
        sleepers_.reserve(workers);
    }

    /// A cheap look: would waking somebody help? May be out of date.
    [[nodiscard]] bool wants_wake() const noexcept {
        return sleeping_.load(std::memory_order_relaxed) != 0 &&
               searching_.load(std::memory_order_relaxed) == 0;
    }

    [[nodiscard]] std::uint32_t sleeping() const noexcept {
        return sleeping_.load(std::memory_order_relaxed);
    }

    /// For reports, while nothing runs; false where that cannot be told.
    [[nodiscard]] bool seen_asleep(const worker& one) noexcept {
        const std::unique_lock guard{lock_, std::try_to_lock};
        return guard && std::ranges::find(sleepers_, &one) != sleepers_.end();
    }

    /// Takes a sleeper out, counted as searching; the caller wakes it. Null if there is none.
    worker* take_sleeper() noexcept {
        const std::lock_guard guard{lock_};
        if (sleepers_.empty()) return nullptr;
        worker* const sleeper = sleepers_.back();
        sleepers_.pop_back();
        sleeping_.store(static_cast<std::uint32_t>(sleepers_.size()), std::memory_order_relaxed);
        searching_.fetch_add(1, std::memory_order_seq_cst);
        return sleeper;
    }

    [[nodiscard]] bool begin_search() noexcept {
        if (searching_.load(std::memory_order_relaxed) >= limit_) return false;
        searching_.fetch_add(1, std::memory_order_seq_cst);
        return true;
    }

    /// Returns whether the caller was the last that searched.
    bool end_search() noexcept {
        const bool was_last = searching_.fetch_sub(1, std::memory_order_seq_cst) == 1;
        // The caller looks at the queues next: store `searching`, load the queue. Partner:
        // announce.
        std::atomic_thread_fence(std::memory_order_seq_cst);
        return was_last;
    }

    void enter_sleep(worker& self) noexcept {
        const std::lock_guard guard{lock_};
        sleepers_.push_back(&self);
        sleeping_.store(static_cast<std::uint32_t>(sleepers_.size()), std::memory_order_relaxed);
    }

    /// Returns whether somebody had taken `self` out, in which case it counts as searching.
    bool leave_sleep(worker& self) noexcept {
        const std::lock_guard guard{lock_};
        for (auto at = sleepers_.begin(); at != sleepers_.end(); ++at) {
            if (*at != &self) continue;
            sleepers_.erase(at);
            sleeping_.store(static_cast<std::uint32_t>(sleepers_.size()),
                            std::memory_order_relaxed);
            return false;
        }
        return true;
    }

private:
    spin_lock lock_;
    std::vector<worker*> sleepers_; // last in, first out: the one whose caches are warmest
    std::atomic<std::uint32_t> sleeping_{0};
    std::atomic<std::uint32_t> searching_{0};
    const std::uint32_t limit_;
};

} // namespace coir::detail
