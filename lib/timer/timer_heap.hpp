// SPDX-License-Identifier: MIT
#pragma once
// Owns one worker's deadlines: a 4-ary heap from which any thread may withdraw its entry.
//
// Invariants: heap order by (deadline, sequence), so equal deadlines fire in the order of their
// insertion; every pending entry knows its place; `earliest_ns_` equals the root's deadline
// whenever the lock is free.
//
// Protocol: an entry goes  idle -> pending (insert) -> idle (remove)
//                                  pending -> firing (expire) -> idle, freed or pending again.
// `expire` writes the entry it is about to fire into `firing_` before it lets the lock go and
// overwrites it after fire() returned, never touching the entry again, since fire() may free it.
// `remove` therefore looks at `firing_`, not at the entry, to learn that it has to wait.
//
// Rejected: popping all that is due under one lock and firing afterwards. An entry would be neither
// pending nor firing in between, and a remover would have to wait for all those before its own.
// A flag in the entry that says "fired": the expirer would have to set it after fire(), which may
// have freed the entry. Lazy removal (a mark, swept later): a million stopped timeouts would stay
// until their deadlines, and the entries live in frames that end at once.

#include "base/cache_line.hpp"
#include "base/spin_lock.hpp"

#include <coir/detail/config.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace coir::detail {

class timer_heap;

/// A deadline and what to do then; lives in the waiting frame or in a timer object.
struct timer_entry {
    /// CLOCK_MONOTONIC, as std::chrono::steady_clock. Not to be changed while the entry is pending.
    std::int64_t deadline_ns = 0;

    /// Called once by the expiring thread, without the heap's lock. May free the entry, or insert
    /// it again into the same heap.
    void (*fire)(timer_entry&) noexcept = nullptr;

    /// Returns the heap that this entry was last inserted into, or null.
    [[nodiscard]] timer_heap* heap() const noexcept { return heap_; }

private:
    friend class timer_heap;
    friend bool timer_remove(timer_entry& entry) noexcept;
    static constexpr std::uint32_t idle = std::numeric_limits<std::uint32_t>::max();

    timer_heap* heap_ = nullptr;
    std::uint64_t sequence_ = 0; // guarded by the heap's lock, as is slot_
    std::uint32_t slot_ = idle;  // the place in the heap's array while pending
};

class alignas(cache_line_bytes) timer_heap {
public:
    timer_heap() = default;
    ~timer_heap();
    timer_heap(const timer_heap&) = delete;
    timer_heap& operator=(const timer_heap&) = delete;

    /// Makes the entry pending. Returns true when it became the earliest, so that whoever sleeps
    /// until this heap's earliest deadline must be told. Throws std::bad_alloc with nothing
    /// changed.
    bool insert(timer_entry& entry);

    /// Withdraws the entry. True: it was pending and now never fires. False: it has fired or was
    /// never inserted. Where its fire() runs on another thread this waits until that has returned,
    /// so that the caller may let the entry go either way; hold no lock that a fire() takes. An
    /// entry whose fire() inserts it again has to be told to stop doing so first.
    bool remove(timer_entry& entry) noexcept;

    /// Fires what is due, earliest first, and returns how many did. One thread expires at a time,
    /// others get 0; never more than `most`. What fire() inserts is left to the next call once as
    /// many fired as were pending at the start, so that a timer that restarts itself in the past
    /// cannot hold us.
    std::size_t expire(std::int64_t now_ns,
                       std::size_t most = std::numeric_limits<std::size_t>::max()) noexcept;

    /// Returns the earliest deadline, INT64_MAX when there is none; from any thread.
    [[nodiscard]] std::int64_t earliest_ns() const noexcept {
        // acquire: pairs with the release in publish_earliest_locked; who sees the deadline sees
        // what its inserter did before.
        return earliest_ns_.load(std::memory_order_acquire);
    }

    /// Whether an entry is pending or its fire() is under way; from any thread.
    [[nodiscard]] bool busy() const noexcept {
        // acquire: pairs with publish_size_locked's release, which comes after `firing_` was set.
        return published_size_.load(std::memory_order_acquire) != 0 ||
               firing_.load(std::memory_order_acquire) != nullptr;
    }

    /// Returns how many entries are pending; from any thread, a snapshot.
    [[nodiscard]] std::size_t size() const noexcept {
        return published_size_.load(std::memory_order_relaxed); // a figure, nothing hangs on it
    }

    /// The part of the array in which nothing is, but old pointers lie. For who looks through all
    /// memory while no other thread runs.
    [[nodiscard]] std::span<const std::byte> idle_memory() const noexcept {
        return std::as_bytes(
            std::span{nodes_, capacity_}.subspan(end_ < capacity_ ? end_ : capacity_));
    }

private:
    struct node {
        std::int64_t deadline_ns;
        timer_entry* entry;
    };
    static constexpr std::uint32_t root = 3; // so that four siblings share one cache line of 64
    static constexpr std::uint32_t least_capacity = 64;

    static bool before(const node& left, const node& right) noexcept;
    void put_locked(std::uint32_t slot, const node& moved) noexcept;
    void sift_up_locked(std::uint32_t slot, const node& moved) noexcept;
    void sift_down_locked(std::uint32_t slot, const node& moved) noexcept;
    void erase_locked(std::uint32_t slot) noexcept;
    void publish_earliest_locked() noexcept;
    void publish_size_locked() noexcept;
    [[nodiscard]] bool oversized_locked() const noexcept;
    COIR_NOINLINE void shrink() noexcept;
    // Moves to an array of `wanted` slots unless somebody else has already replaced the one of
    // `expected`. False: no memory, nothing changed. Called without the lock.
    COIR_NOINLINE bool replace_array(std::uint32_t expected, std::uint32_t wanted) noexcept;
    COIR_NOINLINE void wait_until_fired(const timer_entry& entry) const noexcept;

    spin_lock lock_;
    bool expiring_ = false;      // guarded by lock_
    std::uint32_t end_ = root;   // one past the last node; guarded by lock_, as the rest
    std::uint32_t capacity_ = 0; // slots in nodes_, the unused ones before the root too
    node* nodes_ = nullptr;
    std::uint64_t sequence_ = 0;
    std::atomic<std::int64_t> earliest_ns_{std::numeric_limits<std::int64_t>::max()};
    std::atomic<std::size_t> published_size_{0};
    std::atomic<const timer_entry*> firing_{nullptr};
    std::atomic<const void*> expirer_{nullptr}; // the identity of the thread that fires
};

/// Withdraws the entry from the heap that it is in, as `timer_heap::remove`.
inline bool timer_remove(timer_entry& entry) noexcept {
    return entry.heap_ != nullptr && entry.heap_->remove(entry);
}

} // namespace coir::detail
