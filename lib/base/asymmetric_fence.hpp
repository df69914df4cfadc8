// SPDX-License-Identifier: MIT
#pragma once
// Owns the store-load fence whose cost lies on one side only.
//
// A frequent side that does `store A; light_fence(); load B` and a rare side that does
// `store B; heavy_fence(); load A` cannot both miss the other's store. The heavy side interrupts
// every thread of the process (membarrier(2), PRIVATE_EXPEDITED, Linux 4.14), so the light side
// needs to stop the compiler only. Where the kernel refuses membarrier both are full fences.

#include <atomic>

namespace coir::detail {

/// Whether heavy_fence() reaches the other threads; set once by register_heavy_fence().
inline std::atomic<bool> heavy_fence_works{false};

/// Asks the kernel for the heavy side. Cheap when done already; called by each runtime's start.
void register_heavy_fence() noexcept;

inline void light_fence() noexcept {
    // relaxed: it changes once, false to true, before the first worker of the process starts.
    if (heavy_fence_works.load(std::memory_order_relaxed)) [[likely]] {
        std::atomic_signal_fence(std::memory_order_seq_cst);
    } else {
        std::atomic_thread_fence(std::memory_order_seq_cst);
    }
}

void heavy_fence() noexcept;

} // namespace coir::detail
