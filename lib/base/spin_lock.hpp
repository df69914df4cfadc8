// SPDX-License-Identifier: MIT
#pragma once
// Owns the one-byte lock that guards coir's short critical sections.
//
// Rule: nothing that parks, allocates for long or runs user code happens under a spin lock. A
// holder can therefore only be delayed by the kernel's scheduler, which is why a waiter that has
// spun for a while gives its time slice away instead of burning it.

#include <sched.h>

#include <atomic>
#include <cstdint>

namespace coir::detail {

inline void cpu_relax() noexcept {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

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

    // release: publishes the critical section to the next acquire in lock().
    void unlock() noexcept { locked_.store(0, std::memory_order_release); }

private:
    [[gnu::noinline]] void lock_slow() noexcept {
        int spins = 0;
        do {
            // relaxed: only decides when to try again; the exchange carries the ordering.
            while (locked_.load(std::memory_order_relaxed) != 0) {
                if (++spins % 128 == 0) {
                    ::sched_yield(); // the holder may have been preempted
                } else {
                    cpu_relax();
                }
            }
        } while (locked_.exchange(1, std::memory_order_acquire) != 0);
    }

    std::atomic<std::uint8_t> locked_{0};
};

} // namespace coir::detail
