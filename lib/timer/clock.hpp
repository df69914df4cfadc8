// SPDX-License-Identifier: MIT
#pragma once
// Owns the clock the engine counts in; conversions of durations are in <coir/detail/deadline.hpp>.

#include <coir/detail/deadline.hpp>
#include <coir/detail/scheduling_point.hpp>

#include <chrono>
#include <cstdint>

namespace coir::detail {

/// Lets the calling thread's clock show *now_ns; null: the machine's again. A simulation's.
void set_virtual_clock(const std::int64_t* now_ns) noexcept;

/// The calling thread's virtual time if it has one, else the machine's.
[[nodiscard]] COIR_NOINLINE std::int64_t virtual_or_monotonic_ns() noexcept;

/// Returns the time of CLOCK_MONOTONIC, which is std::chrono::steady_clock's, in nanoseconds;
/// inside a simulation its virtual time.
[[nodiscard]] inline std::int64_t monotonic_ns() noexcept {
    // relaxed: as in scheduling_point().
    if (simulations_under_way.load(std::memory_order_relaxed) != 0) [[unlikely]] {
        return virtual_or_monotonic_ns();
    }
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

} // namespace coir::detail
