// SPDX-License-Identifier: MIT
#pragma once
// Owns wait_group.

#include <coir/detail/countdown.hpp>
#include <coir/task.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>

namespace coir {
namespace detail {

/// Launches a coroutine that nobody joins and that takes one from `count` when its callable is
/// gone.
COIR_API void launch_counted(coroutine& co, countdown& count) noexcept;

} // namespace detail

/// Go's sync.WaitGroup: a count of what is under way. It may be used again after a wait.
///
///     coir::wait_group all;
///     for (auto& url : urls) all.go([&url] { fetch(url); });
///     all.wait();
class wait_group {
public:
    constexpr wait_group() noexcept = default;
    wait_group(const wait_group&) = delete;
    wait_group& operator=(const wait_group&) = delete;

    /// Changes the count. Throws std::logic_error, with nothing changed, if it would become
    /// negative.
    void add(std::ptrdiff_t count) {
        const bool possible = count >= 0 ? count_.add(static_cast<std::uint64_t>(count))
                                         : count_.subtract(0 - static_cast<std::uint64_t>(count));
        if (!possible) detail::throw_bad_count("coir: wait_group with a count below zero");
    }
    void done() { add(-1); }
    /// Waits until the count is zero. Throws `cancelled`.
    void wait() { count_.wait(false); }

    /// Starts a coroutine that counts from now to its end. What it throws is an unhandled
    /// exception: see task_group for one that collects. Throws as coir::go.
    template <typename Function>
        requires detail::startable<Function>
    COIR_NOINLINE void go(Function&& function) {
        const void* const site = COIR_CALL_SITE;
        detail::coroutine& co = detail::start_raw(site, std::forward<Function>(function));
        static_cast<void>(count_.add(1)); // fewer coroutines fit into memory than into the count
        detail::launch_counted(co, count_);
    }

private:
    detail::countdown count_{0};
};

} // namespace coir
