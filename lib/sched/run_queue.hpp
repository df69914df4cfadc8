// SPDX-License-Identifier: MIT
#pragma once
// Owns one worker's ring of runnable coroutines, from which other workers steal.
//
// Invariants
//   head <= tail <= head + capacity (both count up for ever, modulo 2^32). Slots in [head, tail)
//   hold coroutines. Only the owner writes slots and tail; head moves by whoever takes.
// Protocol
//   push (owner): slot relaxed, tail release. The release publishes the slot, and through it the
//     coroutine's record, to the acquire load of tail in steal.
//   pop (owner) and steal: read the slots, then compare-exchange head. Who wins owns what it read;
//     a slot read in vain may be stale, which is why slots are atomic.
//   The compare-exchange of head is acquire-release: the owner's acquire load of head in push must
//     not let it overwrite a slot before the thief has read it.
//   A queue that is never stolen from (one worker) needs none of the atomic read-modify-writes.
// Rejected
//   Chase-Lev: the owner takes its newest first; a scheduler wants oldest first, and then the
//   owner contends with thieves on head in any case.
//   An unbounded array: stealing half of a queue of a million copies for milliseconds; the
//   overflow goes to the shared queue, from which idle workers take it anyway.

#include "base/cache_line.hpp"

#include <array>
#include <atomic>
#include <cstdint>

namespace coir::detail {

struct coroutine;

class run_queue {
public:
    static constexpr std::uint32_t capacity = 1024;

    /// Adds at the tail; false when full. Owner only.
    bool push(coroutine* co) noexcept {
        const std::uint32_t tail = tail_.load(std::memory_order_relaxed); // the owner's own
        if (tail - head_.load(std::memory_order_acquire) >= capacity) [[unlikely]]
            return false;
        slot(tail).store(co, std::memory_order_relaxed);
        tail_.store(tail + 1, std::memory_order_release);
        return true;
    }

    /// Takes the oldest, or null. Owner only, and only while nobody can steal.
    coroutine* pop_alone() noexcept {
        const std::uint32_t head = head_.load(std::memory_order_relaxed);
        if (head == tail_.load(std::memory_order_relaxed)) return nullptr;
        head_.store(head + 1, std::memory_order_relaxed);
        return slot(head).load(std::memory_order_relaxed);
    }

    /// Takes the oldest, or null. Owner only.
    coroutine* pop() noexcept {
        std::uint32_t head = head_.load(std::memory_order_relaxed); // checked by the exchange
        while (head != tail_.load(std::memory_order_relaxed)) {     // the owner's own
            coroutine* const co = slot(head).load(std::memory_order_relaxed);
            if (head_.compare_exchange_weak(head, head + 1, std::memory_order_acq_rel,
                                            std::memory_order_relaxed)) {
                return co;
            }
        }
        return nullptr;
    }

    /// Moves the older half of this queue into `thief` (empty, owned by the caller), except the
    /// one returned to run at once.
    coroutine* steal_half_into(run_queue& thief) noexcept {
        std::uint32_t head = head_.load(std::memory_order_acquire);
        for (;;) {
            const std::uint32_t available = tail_.load(std::memory_order_acquire) - head;
            if (available == 0 || available > capacity) {
                if (available == 0) return nullptr;
                head = head_.load(std::memory_order_acquire); // a torn pair of reads
                continue;
            }
            const std::uint32_t count = available - available / 2;
            const std::uint32_t tail = thief.tail_.load(std::memory_order_relaxed);
            for (std::uint32_t i = 1; i < count; ++i) {
                thief.slot(tail + i - 1)
                    .store(slot(head + i).load(std::memory_order_relaxed),
                           std::memory_order_relaxed);
            }
            coroutine* const first = slot(head).load(std::memory_order_relaxed);
            if (head_.compare_exchange_weak(head, head + count, std::memory_order_acq_rel,
                                            std::memory_order_acquire)) {
                thief.tail_.store(tail + count - 1, std::memory_order_release);
                return first;
            }
        }
    }

    /// How many there are; exact for the owner while nobody steals, else a hint.
    [[nodiscard]] std::uint32_t size() const noexcept {
        const std::uint32_t head = head_.load(std::memory_order_relaxed);
        const std::uint32_t tail = tail_.load(std::memory_order_relaxed);
        return tail - head <= capacity ? tail - head : 0;
    }

private:
    std::atomic<coroutine*>& slot(std::uint32_t index) noexcept { return slots_[index % capacity]; }

    alignas(cache_line_bytes) std::atomic<std::uint32_t> head_{0};
    alignas(cache_line_bytes) std::atomic<std::uint32_t> tail_{0};
    std::array<std::atomic<coroutine*>, capacity> slots_{};
};

} // namespace coir::detail
