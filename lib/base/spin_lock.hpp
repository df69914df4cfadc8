// SPDX-License-Identifier: MIT
#pragma once
// Owns the one-byte lock that guards coir's short critical sections.
//
// Rule: nothing that parks, allocates for long or runs user code happens under a spin lock. A
// holder can therefore only be delayed by the kernel's scheduler, which is why a waiter that has
// spun for a while gives its time slice away instead of burning it.

#include "base/short_wait.hpp"

#include <sched.h>

#include <atomic>
#include <cstdint>

namespace coir::detail {

class spin_lock {
public:
    void lock() noexcept {
        // acquire: sees everything the previous holder did before its release in unlock().
        if (locked_.exchange(1, std::memory_order_acquire) != 0) [[unlikely]]
            lock_slow();
    }

    [[nodiscard]] bool try_lock() noexcept {
        // relaxed look first: a failing try_lock must not take the cache line away from the holder.
        return locked_.load(std::memory_order_relaxed) == 0 &&
               locked_.exchange(1, std::memory_order_acquire) == 0;
    }

    /// Without that look, for what nearly always succeeds.
    [[nodiscard]] bool try_lock_blindly() noexcept {
        return locked_.exchange(1, std::memory_order_acquire) == 0; // acquire: as lock()
    }

    /// While the caller is the only one who could take it: a load and a store will do. relaxed: the
    /// caller sees to it that it is alone.
    [[nodiscard]] bool try_lock_alone() noexcept {
        if (locked_.load(std::memory_order_relaxed) != 0) return false;
        locked_.store(1, std::memory_order_relaxed);
        return true;
    }
    /// As try_lock_alone(), and the caller knows that it is free.
    void lock_alone() noexcept { locked_.store(1, std::memory_order_relaxed); }

    // release: publishes the critical section to the next acquire in lock().
    void unlock() noexcept { locked_.store(0, std::memory_order_release); }

private:
    // Waits longer each time: meanwhile the holder gets many turns in a row at full speed, where
    // two that take turns wait for each other at every one. Measured: docs/performance.md.
    [[gnu::noinline]] void lock_slow() noexcept {
        constexpr int most_pauses = 64;
        int pauses = 8;
        do {
            for (int i = 0; i < pauses; ++i) cpu_relax();
            if (pauses < most_pauses) {
                pauses *= 2;
            } else {
                ::sched_yield(); // the holder may have been preempted
            }
        } while (!try_lock());
    }

    std::atomic<std::uint8_t> locked_{0};
};

} // namespace coir::detail
