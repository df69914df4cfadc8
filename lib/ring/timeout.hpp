// SPDX-License-Identifier: MIT
#pragma once
// Owns the conversion of a deadline into the time that a sleep in the kernel may take.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>

namespace coir::detail {

inline constexpr std::int64_t no_deadline = std::numeric_limits<std::int64_t>::max();

/// Returns how long it is until then, 0 for what is past. CLOCK_MONOTONIC, as steady_clock.
[[nodiscard]] inline std::int64_t nanoseconds_until(std::int64_t deadline_ns) noexcept {
    const std::int64_t now_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(
                                    std::chrono::steady_clock::now().time_since_epoch())
                                    .count();
    return deadline_ns <= now_ns ? 0 : deadline_ns - now_ns;
}

/// Splits a time for the kernel, whose structs for it differ only in their names.
template <typename Timespec> [[nodiscard]] Timespec as_timespec(std::int64_t ns) noexcept {
    Timespec split{};
    split.tv_sec = ns / 1'000'000'000;
    split.tv_nsec = ns % 1'000'000'000;
    return split;
}

} // namespace coir::detail
