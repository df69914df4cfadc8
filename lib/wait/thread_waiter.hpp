// SPDX-License-Identifier: MIT
#pragma once
// Owns how an OS thread takes part in waits: it sleeps on a futex where a coroutine parks.

#include "sched/waiter.hpp"
#include "wait/park.hpp"

#include <atomic>
#include <cstdint>

namespace coir::detail {

struct thread_waiter final : waiter {
    thread_waiter() noexcept : waiter{true} {}

    std::atomic<std::uint32_t> woken{0}; ///< the futex
    /// Counted in parked_threads; by then only whoever wakes it may take it out again, so that a
    /// thread that has been woken never looks like one that waits for ever.
    bool counted_as_parked = false;
};

/// The calling thread's, made at its first wait.
[[nodiscard]] thread_waiter& current_thread_waiter() noexcept;

std::size_t park_thread(thread_waiter& self, const park_request& request,
                        wait_state opened) noexcept;

void wake_thread(thread_waiter& party) noexcept;

} // namespace coir::detail
