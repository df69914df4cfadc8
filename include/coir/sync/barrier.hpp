// SPDX-License-Identifier: MIT
#pragma once
// Owns barrier.

#include <coir/detail/config.hpp>
#include <coir/detail/sync_state.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <type_traits>
#include <utility>

namespace coir {
namespace detail {

/// The part of a barrier that does not depend on its completion function. The word holds the number
/// of the phase above the bits of sync_state; the counts are guarded by `queue_held`.
class COIR_API barrier_core {
public:
    using completion = void (*)(void* argument) noexcept;

    explicit barrier_core(std::ptrdiff_t expected);

    /// Counts `count` arrivals and returns the phase they arrived in. With the last one runs the
    /// completion and begins the next phase.
    std::uint64_t arrive(std::ptrdiff_t count, std::ptrdiff_t dropped, completion complete,
                         void* argument);
    /// Waits for the end of the phase. Throws `cancelled`.
    void wait(std::uint64_t phase);

private:
    void begin_next_phase() noexcept;

    sync_state state_;
    std::ptrdiff_t expected_;
    std::ptrdiff_t missing_;
};

struct no_completion {
    void operator()() noexcept {}
};

} // namespace detail

/// As std::barrier: parties that meet again and again. The completion function is called by the
/// last to arrive, before the others go on; it may wait, and is not interrupted by cancellation. An
/// arrival counts even if the wait for the others is cancelled.
///
///     coir::barrier step{4, [&]() noexcept { swap(current, next); }};
///     step.arrive_and_wait();
template <typename Completion = detail::no_completion> class barrier {
    static_assert(std::is_nothrow_invocable_v<Completion&>,
                  "coir::barrier: the completion function must be noexcept");

public:
    /// What `arrive` gives: the phase to wait for. To be waited for once.
    class arrival_token {
    public:
        arrival_token(arrival_token&&) noexcept = default;
        arrival_token& operator=(arrival_token&&) noexcept = default;

    private:
        friend barrier;
        explicit arrival_token(std::uint64_t phase) noexcept : phase_{phase} {}
        std::uint64_t phase_;
    };

    /// The most that can take part.
    [[nodiscard]] static constexpr std::ptrdiff_t max() noexcept {
        return std::numeric_limits<std::ptrdiff_t>::max();
    }

    /// Throws std::logic_error if `expected` is negative.
    explicit barrier(std::ptrdiff_t expected, Completion completion = Completion())
        : core_{expected}, completion_{std::move(completion)} {}
    barrier(const barrier&) = delete;
    barrier& operator=(const barrier&) = delete;

    /// Arrives without waiting. Throws std::logic_error unless `count` is positive and at most what
    /// the phase still lacks.
    [[nodiscard]] arrival_token arrive(std::ptrdiff_t count = 1) {
        return arrival_token{core_.arrive(count, 0, complete, this)};
    }
    /// Waits until all of the token's phase have arrived. Throws `cancelled`.
    void wait(arrival_token&& arrival) { core_.wait(arrival.phase_); }
    void arrive_and_wait() { wait(arrive()); }
    /// Arrives, and takes no part in later phases.
    void arrive_and_drop() { core_.arrive(1, 1, complete, this); }

private:
    static void complete(void* self) noexcept { static_cast<barrier*>(self)->completion_(); }

    detail::barrier_core core_;
    [[no_unique_address]] Completion completion_;
};

} // namespace coir
