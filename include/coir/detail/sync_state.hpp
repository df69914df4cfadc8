// SPDX-License-Identifier: MIT
#pragma once
// Owns the memory of a thing to wait at: one word that says all, and the queue of those who wait.
//
// The word's two low bits mean the same everywhere; the rest is the owner's, see there.
//   queue_held  permission to touch `first` and `last`. Taken by whoever wants to enqueue, wake or
//               withdraw, for a few instructions; a party that parks holds it across its switch.
//   waiting     the queue is not empty. Changes only while queue_held; so it is never stale to who
//               holds that bit, and whoever reads it clear in a compare-exchange owes no wake-up.
//
// One word, so that releasing is one atomic operation and the last touch: whom it lets go may
// destroy the object at once.

#include <coir/detail/config.hpp>

#include <atomic>
#include <cstdint>

namespace coir::detail {

struct wait_node;

struct sync_state {
    static constexpr std::uint64_t queue_held = 1;
    static constexpr std::uint64_t waiting = 2;
    /// The lowest bit that is the owner's.
    static constexpr unsigned owned_shift = 2;

    constexpr explicit sync_state(std::uint64_t initial = 0) noexcept : word{initial} {}
    sync_state(const sync_state&) = delete;
    sync_state& operator=(const sync_state&) = delete;

    std::atomic<std::uint64_t> word;
    wait_node* first = nullptr;
    wait_node* last = nullptr;
};

/// Where the caller's stack is just now: tells whose it is, without a look at a thread-local.
[[nodiscard]] inline const void* stack_position() noexcept {
    const void* position = nullptr;
#if defined(__x86_64__)
    asm("mov %%rsp, %0" : "=r"(position));
#elif defined(__aarch64__)
    asm("mov %0, sp" : "=r"(position));
#endif
    return position;
}

} // namespace coir::detail
