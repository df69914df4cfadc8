// SPDX-License-Identifier: MIT
#pragma once
// Owns the conversion of time points of any clock, as the standard's timed requirements want it.

#include <coir/detail/deadline.hpp>
#include <coir/detail/durations.hpp>

#include <cstdint>
#include <type_traits>

namespace coir::detail {

/// A deadline on the engine's clock. One of another clock is taken as the distance from that
/// clock's now: setting that clock later does not move it.
template <typename Clock, typename Duration>
[[nodiscard]] std::int64_t deadline_at(std::chrono::time_point<Clock, Duration> deadline) {
    if constexpr (std::is_same_v<Clock, std::chrono::steady_clock>) {
        return saturating_deadline_ns(deadline);
    } else {
        if (deadline == std::chrono::time_point<Clock, Duration>::max()) return never_ns;
        return deadline_after(deadline - Clock::now());
    }
}

} // namespace coir::detail
