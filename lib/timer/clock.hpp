// SPDX-License-Identifier: MIT
#pragma once
// Owns the clock the engine counts in; conversions of durations are in <coir/detail/deadline.hpp>.

#include <coir/detail/deadline.hpp>

#include <chrono>
#include <cstdint>

namespace coir::detail {

/// Returns the time of CLOCK_MONOTONIC, which is std::chrono::steady_clock's, in nanoseconds.
[[nodiscard]] inline std::int64_t monotonic_ns() noexcept {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

} // namespace coir::detail
