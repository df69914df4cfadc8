// SPDX-License-Identifier: MIT
#pragma once
// Owns the conversion of the user's durations and time points to the engine's nanoseconds.

#include <coir/detail/config.hpp>
#include <coir/detail/durations.hpp>

#include <cstdint>
#include <limits>
#include <ratio>
#include <type_traits>

namespace coir::detail {

/// A deadline that never comes.
inline constexpr std::int64_t never_ns = std::numeric_limits<std::int64_t>::max();

/// The engine's clock, in nanoseconds: CLOCK_MONOTONIC, or the simulation's virtual time.
[[nodiscard]] COIR_API std::int64_t clock_ns() noexcept;

/// Converts to nanoseconds, rounding up so that no wait ends early; what does not fit becomes the
/// nearest limit, so that duration::max() of any period is `never_ns`. NaN is 0.
template <typename Rep, typename Period>
[[nodiscard]] constexpr std::int64_t
saturating_ns(std::chrono::duration<Rep, Period> duration) noexcept {
    using source = std::chrono::duration<Rep, Period>;
    using factor = std::ratio_divide<Period, std::nano>;
    constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min() + 1;
    if constexpr (std::is_integral_v<Rep> && factor::den == 1) {
        std::int64_t exact = 0;
        if (duration == source::max()) return never_ns;
        if (!__builtin_mul_overflow(duration.count(), factor::num, &exact))
            return exact < least ? least : exact;
        return duration < duration.zero() ? least : never_ns;
    }
    // Compared as long double: the exact comparison would overflow for coarse periods. The limits
    // are a little inside int64's, so that rounding cannot carry the conversion past them.
    using wide_ns = std::chrono::duration<long double, std::nano>;
    constexpr long double limit = 9223372036854775000.0L;
    const long double ns = wide_ns(duration).count();
    if (duration == source::max() || ns >= limit) return never_ns;
    if (ns <= -limit) return least;
    if (!(ns == ns)) return 0;
    return std::chrono::ceil<std::chrono::nanoseconds>(duration).count();
}

/// Adds a wait of `ns` to `now_ns`; stays at `never_ns` when that is beyond the clock's end.
[[nodiscard]] constexpr std::int64_t saturating_add_ns(std::int64_t now_ns,
                                                       std::int64_t ns) noexcept {
    std::int64_t sum = 0;
    if (!__builtin_add_overflow(now_ns, ns, &sum)) return sum;
    return ns > 0 ? never_ns : std::numeric_limits<std::int64_t>::min() + 1;
}

/// Returns when a wait of `duration` that begins at `now_ns` ends; `never_ns` for duration::max().
template <typename Rep, typename Period>
[[nodiscard]] constexpr std::int64_t
saturating_deadline_ns(std::int64_t now_ns, std::chrono::duration<Rep, Period> duration) noexcept {
    const std::int64_t ns = saturating_ns(duration);
    return ns == never_ns ? never_ns : saturating_add_ns(now_ns, ns);
}

/// Returns a time point of any monotonic-based clock as a deadline; time_point::max() is never.
template <typename Clock, typename Duration>
[[nodiscard]] constexpr std::int64_t
saturating_deadline_ns(std::chrono::time_point<Clock, Duration> time) noexcept {
    return saturating_ns(time.time_since_epoch());
}

/// A deadline from now on.
template <typename Rep, typename Period>
[[nodiscard]] std::int64_t deadline_after(std::chrono::duration<Rep, Period> duration) noexcept {
    return saturating_deadline_ns(clock_ns(), duration);
}

} // namespace coir::detail
