// SPDX-License-Identifier: MIT
#pragma once
// Owns limits and shields: scopes of cancellation around a piece of code.
//
// Cancellation is ambient. Inside a cancelled scope every operation that would wait throws
// `cancelled`; nothing has to be passed around. While a stack unwinds, waits are no cancellation
// points, so destructors may still wait. A cancelled operation has either happened or left no
// trace.

#include <coir/cancelled.hpp>
#include <coir/detail/deadline.hpp>
#include <coir/detail/durations.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <system_error>
#include <utility>

namespace coir {

/// Thrown by with_timeout when the limit cut its body short; its code is std::errc::timed_out.
class COIR_API timed_out final : public std::system_error {
public:
    timed_out() : std::system_error{std::make_error_code(std::errc::timed_out), "coir"} {}
};

namespace detail {

/// A cancellation scope on the caller's stack, and the timer that cancels it.
class COIR_API time_limit {
public:
    explicit time_limit(std::int64_t deadline_ns);
    time_limit(const time_limit&) = delete;
    time_limit& operator=(const time_limit&) = delete;
    ~time_limit();
    /// In a handler of `cancelled`: whether it was this limit that struck, and nothing outside.
    [[nodiscard]] bool struck() const noexcept;

private:
    struct state;
    state& self() noexcept;
    [[nodiscard]] const state& self() const noexcept;
    alignas(16) std::byte memory_[224];
};

/// A scope that cancellation from outside does not enter.
class COIR_API shield_scope {
public:
    shield_scope();
    shield_scope(const shield_scope&) = delete;
    shield_scope& operator=(const shield_scope&) = delete;
    ~shield_scope();

private:
    alignas(16) std::byte memory_[128];
};

template <typename Body>
std::invoke_result_t<Body> run_limited(std::int64_t deadline_ns, Body& body) {
    const time_limit limit{deadline_ns};
    try {
        return std::invoke(body);
    } catch (const cancelled&) {
        if (!limit.struck()) throw;
    }
    throw timed_out{};
}

} // namespace detail

/// Runs `body` in a scope that is cancelled when `limit` has passed, and returns what it returns,
/// even if late. Throws timed_out when the limit cut it short. With a limit that has passed already
/// the body runs to its first wait.
///
///     auto page = coir::with_timeout(2s, [&] { return fetch(url); });
template <typename Rep, typename Period, std::invocable Body>
std::invoke_result_t<Body> with_timeout(std::chrono::duration<Rep, Period> limit, Body&& body) {
    return detail::run_limited<Body>(detail::deadline_after(limit), body);
}

/// As with_timeout, until a point in time.
template <typename Duration, std::invocable Body>
std::invoke_result_t<Body>
with_deadline(std::chrono::time_point<std::chrono::steady_clock, Duration> deadline, Body&& body) {
    return detail::run_limited<Body>(detail::saturating_deadline_ns(deadline), body);
}

/// Runs `body` so that no cancellation from outside reaches it, and returns what it returns. Limits
/// that are set inside strike inside.
template <std::invocable Body> std::invoke_result_t<Body> shield(Body&& body) {
    const detail::shield_scope scope;
    return std::invoke(body);
}

} // namespace coir
