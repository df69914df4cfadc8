// SPDX-License-Identifier: MIT
#pragma once
// Owns latch.

#include <coir/detail/countdown.hpp>
#include <coir/detail/scheduling_point.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>

namespace coir {

/// As std::latch: a count that goes down once, and that parties wait for. May be destroyed as soon
/// as a wait has returned.
///
///     coir::latch ready{3};
///     for (int i = 0; i < 3; ++i) coir::go([&] { prepare(); ready.count_down(); });
///     ready.wait();
class latch {
public:
    /// The most that it can count.
    [[nodiscard]] static constexpr std::ptrdiff_t max() noexcept {
        return std::numeric_limits<std::ptrdiff_t>::max() >> detail::sync_state::owned_shift;
    }

    /// Throws std::logic_error unless 0 <= expected <= max().
    constexpr explicit latch(std::ptrdiff_t expected)
        : count_{static_cast<std::uint64_t>(expected)} {
        if (expected < 0 || expected > max()) {
            detail::throw_bad_count("coir: a latch for fewer than 0 or more than max() parties");
        }
    }
    latch(const latch&) = delete;
    latch& operator=(const latch&) = delete;

    /// Lowers the count. Throws std::logic_error, with nothing changed, if it would become
    /// negative.
    void count_down(std::ptrdiff_t update = 1) {
        if (update < 0 || !count_.subtract(static_cast<std::uint64_t>(update))) {
            detail::throw_bad_count("coir: latch::count_down below zero");
        }
    }
    [[nodiscard]] bool try_wait() const noexcept {
        detail::scheduling_point(detail::step::inspect, &count_);
        return count_.is_zero();
    }
    /// Waits until the count is zero. Throws `cancelled`.
    void wait() { count_.wait(true); }
    /// Lowers the count, then waits; the count stays lowered if the wait throws `cancelled`.
    void arrive_and_wait(std::ptrdiff_t update = 1) {
        count_down(update);
        wait();
    }

private:
    detail::countdown count_;
};

} // namespace coir
