// SPDX-License-Identifier: MIT
#pragma once
// Owns counting_semaphore and binary_semaphore.

#include <coir/detail/clocks.hpp>
#include <coir/detail/durations.hpp>
#include <coir/detail/scheduling_point.hpp>
#include <coir/detail/sync_state.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>

namespace coir {
namespace detail {

// The word of a semaphore holds its permits above the bits of sync_state. Nobody waits while there
// is a permit: a release gives permits to those who wait first.

/// Takes a permit; false at the deadline. Throws `cancelled`.
COIR_API bool acquire_permit_slow(sync_state& state, std::int64_t deadline_ns);
COIR_API void release_permits(sync_state& state, std::uint64_t count, std::uint64_t most);
[[noreturn]] COIR_API COIR_COLD void throw_bad_permits();

inline constexpr std::ptrdiff_t most_permits =
    std::numeric_limits<std::ptrdiff_t>::max() >> sync_state::owned_shift;

} // namespace detail

/// As std::counting_semaphore. Permits go to those who wait in the order of their arrival; a wait
/// that is cancelled or timed out takes none with it. May be destroyed as soon as a release that
/// nobody else needs has let the destroyer go.
///
///     coir::counting_semaphore<> slots{8};
///     slots.acquire();
///     ...
///     slots.release();
template <std::ptrdiff_t LeastMaxValue = detail::most_permits> class counting_semaphore {
    static_assert(LeastMaxValue >= 0 && LeastMaxValue <= detail::most_permits);

public:
    /// The most that it can count.
    [[nodiscard]] static constexpr std::ptrdiff_t max() noexcept { return LeastMaxValue; }

    /// Throws std::logic_error unless 0 <= permits <= max().
    constexpr explicit counting_semaphore(std::ptrdiff_t permits)
        : state_{static_cast<std::uint64_t>(permits) << detail::sync_state::owned_shift} {
        if (permits < 0 || permits > max()) detail::throw_bad_permits();
    }
    counting_semaphore(const counting_semaphore&) = delete;
    counting_semaphore& operator=(const counting_semaphore&) = delete;

    /// Takes a permit, waiting for one. Throws `cancelled` if it would have to wait in a cancelled
    /// scope. What was done before the release of a permit happens before it is acquired.
    void acquire() {
        if (!try_acquire()) detail::acquire_permit_slow(state_, detail::never_ns);
    }

    /// Takes one if there is one, without waiting.
    [[nodiscard]] bool try_acquire() noexcept {
        detail::scheduling_point(detail::step::acquire, &state_);
        constexpr std::uint64_t one = 1U << detail::sync_state::owned_shift;
        std::uint64_t word = state_.word.load(std::memory_order_relaxed);
        while (word >= one) {
            // acquire: pairs with release().
            if (state_.word.compare_exchange_weak(word, word - one, std::memory_order_acquire,
                                                  std::memory_order_relaxed)) {
                return true;
            }
        }
        return false;
    }

    /// Takes a permit; false if that took longer than `limit`. Throws `cancelled`.
    template <typename Rep, typename Period>
    [[nodiscard]] bool try_acquire_for(std::chrono::duration<Rep, Period> limit) {
        return try_acquire() || detail::acquire_permit_slow(state_, detail::deadline_after(limit));
    }
    template <typename Clock, typename Duration>
    [[nodiscard]] bool try_acquire_until(std::chrono::time_point<Clock, Duration> deadline) {
        return try_acquire() || detail::acquire_permit_slow(state_, detail::deadline_at(deadline));
    }

    /// Gives `count` permits. Throws std::logic_error if `count` is negative or there would be more
    /// than max().
    void release(std::ptrdiff_t count = 1) {
        detail::scheduling_point(detail::step::release, &state_);
        if (count < 0) detail::throw_bad_permits();
        detail::release_permits(state_, static_cast<std::uint64_t>(count),
                                static_cast<std::uint64_t>(max()));
    }

private:
    detail::sync_state state_;
};

/// One or nothing: what a mutex would be that anybody may unlock.
using binary_semaphore = counting_semaphore<1>;

} // namespace coir
