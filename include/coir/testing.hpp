// SPDX-License-Identifier: MIT
#pragma once
// Owns simulate and explore: running concurrent code under schedules that can be had again.
//
// A simulation runs a body, and all coroutines that it starts, on the calling thread. At the start
// of each operation of coir it chooses who goes on, by a seed; the same seed makes the same
// choices. Time is virtual: coir::clock stands still while anybody can run, and jumps to the next
// deadline when all are parked. It is the real engine with another scheduler: channels, select,
// locks, timers and cancellation are the code that runs in production.
//
// What a simulation cannot control makes runs differ: other threads, std::chrono clocks, addresses
// as hash keys, random devices. Operations on sockets, pipes and files are refused with
// std::errc::operation_not_supported; `blocking` calls its function in the caller's place. A lock
// of the standard library must not be held across an operation of coir.

#include <coir/detail/scheduling_point.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <stdexcept>
#include <string>

namespace coir::testing {

/// Thrown when a run fails. what() says how, how to have the run again, and who did what before.
class COIR_API failure final : public std::runtime_error {
public:
    failure(const std::string& text, std::uint64_t seed, std::exception_ptr cause);
    failure(const failure&) noexcept;
    failure& operator=(const failure&) noexcept;
    ~failure() override;

    /// The seed with which `simulate` has this run again.
    [[nodiscard]] std::uint64_t seed() const noexcept { return seed_; }
    /// The exception that made the run fail; null after a deadlock or a leak.
    [[nodiscard]] const std::exception_ptr& cause() const noexcept { return cause_; }

private:
    std::uint64_t seed_;
    std::exception_ptr cause_;
};

struct simulate_options {
    /// Names the schedule. Small numbers choose uniformly at random among all that can run.
    std::uint64_t seed = 0;
    /// A run with more operations than this fails: it is taken for one that never ends.
    std::size_t max_steps = 10'000'000;
};

struct explore_options {
    /// How many runs.
    std::size_t schedules = 1'000;
    /// Where the sequence of seeds begins; equal ones explore equally.
    std::uint64_t seed = 0;
    /// PCT finds a bug that needs `depth` ordered events; runs use 1 to `depth`, 15 at most.
    unsigned depth = 3;
    std::size_t max_steps = 10'000'000;
};

namespace detail {

struct erased_body {
    void (*call)(void* body);
    void* body;
};

/// Wraps in a closure of one reference, so that plain functions can be erased as well.
template <typename Closure> [[nodiscard]] erased_body erase(Closure& closure) noexcept {
    return {[](void* erased) { (*static_cast<Closure*>(erased))(); }, &closure};
}

COIR_API void simulate(const simulate_options& options, erased_body body);
COIR_API void explore(const explore_options& options, erased_body body);

} // namespace detail

/// Runs `body` as a coroutine under the schedule that the seed names; when it has ended, all that
/// can still run goes on until it ends or parks.
///
/// Throws `failure` if an exception leaves the body or a coroutine whose exceptions nobody
/// collects, if all are parked with no deadline to come (a deadlock), or if a coroutine is left
/// over. Those still alive are then cancelled one after the other, the newest first, the body last.
/// Throws std::logic_error inside a coroutine.
///
///     coir::testing::simulate({.seed = 42}, [] { ... });
template <typename Body>
    requires std::invocable<Body&>
void simulate(const simulate_options& options, Body&& body) {
    auto call = [&body] { static_cast<void>(std::invoke(body)); };
    detail::simulate(options, detail::erase(call));
}
template <typename Body>
    requires std::invocable<Body&>
void simulate(Body&& body) {
    testing::simulate(simulate_options{}, body);
}

/// Runs `body` under many schedules, one after the other, and throws the first `failure`. Half of
/// them are random, half are PCT's (Burckhardt et al., ASPLOS 2010: priorities, lowered at a few
/// random points). State that outlives the body must be the same at the start of each run.
///
///     coir::testing::explore({.schedules = 10'000}, [] { ... });
template <typename Body>
    requires std::invocable<Body&>
void explore(const explore_options& options, Body&& body) {
    auto call = [&body] { static_cast<void>(std::invoke(body)); };
    detail::explore(options, detail::erase(call));
}
template <typename Body>
    requires std::invocable<Body&>
void explore(Body&& body) {
    testing::explore(explore_options{}, body);
}

/// Lets others run inside a simulation, as every operation of coir does; does nothing elsewhere.
/// For the places between which the tested code shares data by means of its own.
inline void maybe_preempt() noexcept {
    coir::detail::scheduling_point(coir::detail::step::preempt);
}

} // namespace coir::testing
