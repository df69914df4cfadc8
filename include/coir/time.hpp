// SPDX-License-Identifier: MIT
#pragma once
// Owns time: the clock, sleeping, timers and tickers as channels.

#include <coir/chan.hpp>
#include <coir/detail/deadline.hpp>
#include <coir/detail/durations.hpp>

#include <cstdint>
#include <utility>

namespace coir {

/// The clock of all deadlines: std::chrono::steady_clock, or virtual time under simulation.
struct clock {
    /// As every clock of the standard library has them.
    using duration = std::chrono::steady_clock::duration;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::steady_clock::time_point;
    static constexpr bool is_steady = true;

    /// The time now; inside a simulation the virtual one.
    [[nodiscard]] static time_point now() noexcept {
        return time_point{std::chrono::nanoseconds{detail::clock_ns()}};
    }
};

namespace detail {

struct timer_core;

COIR_API void sleep_until_ns(std::int64_t deadline_ns);

/// Takes over the sending handle of `ticks`, also where it throws; the receiving one is to outlive
/// the timer. `period_ns`: 0 for a timer that fires once. Throws std::bad_alloc.
[[nodiscard]] COIR_API timer_core* make_timer(channel_core& ticks, std::int64_t first_ns,
                                              std::int64_t period_ns);
COIR_API void drop_timer(timer_core& timer) noexcept;
COIR_API bool stop_timer(timer_core& timer) noexcept;
COIR_API bool reset_timer(timer_core& timer, std::int64_t first_ns, std::int64_t period_ns);
[[nodiscard]] COIR_API receiver_reference make_after(const element_type& type,
                                                     std::int64_t deadline_ns);
[[noreturn]] COIR_API COIR_COLD void throw_bad_period();

[[nodiscard]] inline std::int64_t checked_period_ns(std::int64_t period_ns) {
    if (period_ns <= 0) throw_bad_period();
    return period_ns;
}

} // namespace detail

/// Waits for `duration`, or for ever if it is duration::max(); one that is not positive returns at
/// once. Throws `cancelled`.
template <typename Rep, typename Period>
void sleep_for(std::chrono::duration<Rep, Period> duration) {
    if (duration <= duration.zero()) return;
    detail::sleep_until_ns(detail::deadline_after(duration));
}

/// Waits until `deadline`. Throws `cancelled`.
template <typename Duration>
void sleep_until(std::chrono::time_point<std::chrono::steady_clock, Duration> deadline) {
    detail::sleep_until_ns(detail::saturating_deadline_ns(deadline));
}

/// Makes a channel that gets the time once, after `duration`, and is closed then. For select;
/// `on_timeout` does the same without a channel, and leaves nothing behind when another case is
/// chosen, where this keeps its deadline until it has passed.
template <typename Rep, typename Period>
[[nodiscard]] receiver<clock::time_point> after(std::chrono::duration<Rep, Period> duration) {
    return detail::channel_access::make_receiver<clock::time_point>(detail::make_after(
        detail::element_type_of<clock::time_point>, detail::deadline_after(duration)));
}

namespace detail {

/// What timer and ticker share: the channel of ticks and the deadline behind it.
class tick_source {
public:
    tick_source(const tick_source&) = delete;
    tick_source& operator=(const tick_source&) = delete;
    tick_source(tick_source&& other) noexcept
        : ticks_{std::move(other.ticks_)}, core_{std::exchange(other.core_, nullptr)} {}
    tick_source& operator=(tick_source&& other) noexcept {
        std::swap(ticks_, other.ticks_);
        std::swap(core_, other.core_);
        return *this;
    }
    ~tick_source() {
        if (core_ != nullptr) drop_timer(*core_);
    }

    /// Waits for the next tick: the time at which it was sent. Throws `cancelled`.
    [[nodiscard]] std::optional<clock::time_point> recv() const { return ticks_.recv(); }
    /// A select case that is ready at the next tick.
    template <typename... Handler> auto on_recv(Handler&&... handler) const {
        return ticks_.on_recv(std::forward<Handler>(handler)...);
    }
    /// The channel of the ticks, which holds at most one.
    [[nodiscard]] receiver<clock::time_point> channel() const noexcept { return ticks_; }

    /// Stops it, and takes a tick back that nobody has received. Returns whether it was going to
    /// fire (a ticker: whether it was running).
    bool stop() noexcept { return core_ != nullptr && stop_timer(*core_); }

protected:
    tick_source(std::int64_t first_ns, std::int64_t period_ns)
        : tick_source{make_channel(element_type_of<clock::time_point>, 1), first_ns, period_ns} {}
    bool restart(std::int64_t first_ns, std::int64_t period_ns) {
        if (core_ == nullptr) throw_nil_channel();
        return reset_timer(*core_, first_ns, period_ns);
    }

private:
    tick_source(channel_core* ticks, std::int64_t first_ns, std::int64_t period_ns)
        : ticks_{channel_access::make_receiver<clock::time_point>(receiver_reference{ticks})},
          core_{make_timer(*ticks, first_ns, period_ns)} {}

    receiver<clock::time_point> ticks_; // before the timer, which takes ticks back from it
    timer_core* core_;
};

} // namespace detail

/// Fires once, after a while. All members but the ones of the channel belong to one party at a
/// time.
///
///     coir::timer t{100ms};
///     coir::select(t.on_recv([](auto) { ... }), ...);
class timer : public detail::tick_source {
public:
    /// Begins at once; fires after `duration`.
    template <typename Rep, typename Period>
    explicit timer(std::chrono::duration<Rep, Period> duration)
        : tick_source{detail::deadline_after(duration), 0} {}

    /// Makes it fire `duration` from now instead; returns whether it was going to fire. A tick that
    /// nobody has received is taken back.
    template <typename Rep, typename Period>
    bool reset(std::chrono::duration<Rep, Period> duration) {
        return restart(detail::deadline_after(duration), 0);
    }
};

/// Fires again and again. A tick that finds the one before it not received is dropped: a slow
/// receiver is never flooded. Throws std::invalid_argument for a period that is not positive.
class ticker : public detail::tick_source {
public:
    /// Begins at once; the first tick comes after one period.
    template <typename Rep, typename Period>
    explicit ticker(std::chrono::duration<Rep, Period> every)
        : ticker{detail::checked_period_ns(detail::saturating_ns(every))} {}

    /// Goes on with another period, counted from now; returns whether it was running.
    template <typename Rep, typename Period> bool reset(std::chrono::duration<Rep, Period> every) {
        const std::int64_t period_ns = detail::checked_period_ns(detail::saturating_ns(every));
        return restart(first(period_ns), period_ns);
    }

private:
    explicit ticker(std::int64_t period_ns) : tick_source{first(period_ns), period_ns} {}
    [[nodiscard]] static std::int64_t first(std::int64_t period_ns) noexcept {
        return period_ns == detail::never_ns
                   ? detail::never_ns
                   : detail::saturating_add_ns(detail::clock_ns(), period_ns);
    }
};

} // namespace coir
