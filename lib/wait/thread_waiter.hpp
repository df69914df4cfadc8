// SPDX-License-Identifier: MIT
#pragma once
// Owns how an OS thread takes part in waits: it sleeps on a futex where a coroutine parks, or in
// poll(2) if it waits for descriptors too. Then whoever wakes it writes to its `wake_descriptor`,
// before `progress`: until that says so the thread does not go on, and the number stays its own.

#include "sched/waiter.hpp"
#include "wait/park.hpp"

#include <poll.h>

#include <atomic>
#include <cstdint>
#include <span>

namespace coir::detail {

struct thread_waiter final : waiter {
    thread_waiter() noexcept : waiter{true} {}
    thread_waiter(const thread_waiter&) = delete;
    thread_waiter& operator=(const thread_waiter&) = delete;
    ~thread_waiter();

    /// Makes `wake_descriptor` if there is none yet. Throws std::system_error.
    void open_wake_descriptor();

    /// How far the current wait is; the futex. Whoever wakes finds `asleep` if a system call is
    /// needed for that.
    enum : std::uint32_t { waiting, asleep, woken };
    std::atomic<std::uint32_t> progress{waiting};
    int wake_descriptor = -1; ///< an eventfd
    /// What its waits are for beside being woken, the `wake_descriptor` last; empty: nothing.
    std::span<pollfd> polled;
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
