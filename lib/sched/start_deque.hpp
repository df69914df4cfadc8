// SPDX-License-Identifier: MIT
#pragma once
// Owns one worker's coroutines that have not begun yet: its owner takes the newest, others the
// oldest.
//
// Why the newest: a tree of coroutines then grows in depth, and few are alive at a time (skynet:
// some 60 stacks, which stay in the cache, instead of 139,000). Why the oldest for thieves: that is
// the largest part of the tree, so thieves come back seldom.
// Invariants
//   head - 1 <= tail <= head + capacity (both modulo 2^32). Slots in [head, tail) hold coroutines.
//   Only the owner writes slots and tail; head moves by compare-exchange, by whoever takes.
// Protocol (Chase and Lev, "Dynamic circular work-stealing deque", 2005; with the orders of Le et
// al., 2013)
//   pop_newest: lower tail; full fence; read head. steal: read head; full fence; read tail. Of an
//   owner and a thief that want the same last coroutine, at least one sees the other's claim; both
//   then decide by the compare-exchange of head.
//   Every store of tail is a release: a thief that acquires it sees the slots and the records.
// Rejected
//   Stealing half by one compare-exchange, as from run_queue: the owner takes from the other end
//   without one, so the half may be gone already.

#include "base/cache_line.hpp"

#include <array>
#include <atomic>
#include <cstdint>

namespace coir::detail {

struct coroutine;

class start_deque {
public:
    static constexpr std::uint32_t capacity = 1024;

    /// False when full. Owner only.
    bool push(coroutine* co) noexcept {
        const std::uint32_t tail = tail_.load(std::memory_order_relaxed); // the owner's own
        // acquire: the thief that moved head has read the slot that is overwritten now.
        if (tail - head_.load(std::memory_order_acquire) >= capacity) [[unlikely]]
            return false;
        slot(tail).store(co, std::memory_order_relaxed);
        tail_.store(tail + 1, std::memory_order_release);
        return true;
    }

    /// Takes the newest, or null. Owner only, and only while nobody can steal.
    coroutine* pop_newest_alone() noexcept {
        const std::uint32_t tail = tail_.load(std::memory_order_relaxed);
        if (tail == head_.load(std::memory_order_relaxed)) return nullptr;
        tail_.store(tail - 1, std::memory_order_relaxed);
        return slot(tail - 1).load(std::memory_order_relaxed);
    }

    /// Takes the newest, or null. Owner only.
    coroutine* pop_newest() noexcept {
        const std::uint32_t tail = tail_.load(std::memory_order_relaxed) - 1;
        // Only thieves move head, and only up: if it looks empty, it is.
        if (tail + 1 == head_.load(std::memory_order_relaxed)) return nullptr;
        tail_.store(tail, std::memory_order_release);
        std::atomic_thread_fence(std::memory_order_seq_cst); // partner: take_oldest
        std::uint32_t head = head_.load(std::memory_order_relaxed);
        const auto left = static_cast<std::int32_t>(tail - head);
        if (left > 0) return slot(tail).load(std::memory_order_relaxed);
        coroutine* co = nullptr;
        if (left == 0 && head_.compare_exchange_strong(head, head + 1, std::memory_order_acq_rel,
                                                       std::memory_order_relaxed)) {
            co =
                slot(tail).load(std::memory_order_relaxed); // the last one, and no thief was faster
        }
        tail_.store(tail + 1, std::memory_order_release);
        return co;
    }

    /// Takes the oldest; null if there is none, or somebody else was faster. Any thread.
    coroutine* take_oldest() noexcept {
        std::uint32_t head = head_.load(std::memory_order_acquire);
        std::atomic_thread_fence(std::memory_order_seq_cst); // partner: pop_newest
        const std::uint32_t tail = tail_.load(std::memory_order_acquire);
        if (static_cast<std::int32_t>(tail - head) <= 0) return nullptr;
        coroutine* const co = slot(head).load(std::memory_order_relaxed);
        // acquire-release: the owner's acquire of head in push must come after our read of the
        // slot.
        return head_.compare_exchange_strong(head, head + 1, std::memory_order_acq_rel,
                                             std::memory_order_relaxed)
                   ? co
                   : nullptr;
    }

    /// Exact for the owner while nobody steals, else a hint.
    [[nodiscard]] std::uint32_t size() const noexcept {
        const std::uint32_t tail = tail_.load(std::memory_order_relaxed);
        const std::uint32_t count = tail - head_.load(std::memory_order_relaxed);
        return count <= capacity ? count : 0;
    }

private:
    std::atomic<coroutine*>& slot(std::uint32_t index) noexcept { return slots_[index % capacity]; }

    alignas(cache_line_bytes) std::atomic<std::uint32_t> head_{0};
    alignas(cache_line_bytes) std::atomic<std::uint32_t> tail_{0};
    std::array<std::atomic<coroutine*>, capacity> slots_{};
};

} // namespace coir::detail
