// SPDX-License-Identifier: MIT
#pragma once
// Owns starting and ending: `run`, `runtime` and their options.

#include <coir/detail/config.hpp>
#include <coir/detail/run_main.hpp>
#include <coir/runtime_options.hpp>
#include <coir/task.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>

namespace coir {

/// Runs `main` as the first coroutine of a new runtime and returns what it returns.
///
/// Blocks the calling thread. When `main` returns or throws, the coroutines that it started,
/// directly or not, and that are still alive are cancelled and joined; then `run` returns or
/// rethrows. Throws std::logic_error inside a coroutine and for options that make no sense, and
/// std::system_error when threads or the I/O backend cannot be had. Exits the process with status 2
/// when an environment variable is unusable, or upon a deadlock (see `deadlock_action`).
///
///     int main() { return coir::run([] { return 0; }); }
template <std::invocable Main> std::invoke_result_t<Main> run(Main&& main);

/// As `run(main)` with options, each of which an environment variable of its name overrides.
///
///     coir::run({.workers = 1}, [] { ... });    // interleaved, never simultaneous
template <std::invocable Main>
std::invoke_result_t<Main> run(const runtime_options& options, Main&& main);

/// A runtime inside a larger program; several may coexist. Its workers start in the constructor.
///
///     coir::runtime rt{{.workers = 4}};
///     rt.go([] { ... });                      // from any thread
///     int n = rt.run([] { return 42; });      // blocks this thread, not a worker
class COIR_API runtime {
public:
    runtime() : runtime{runtime_options{}} {}
    /// Throws as `run` does.
    explicit runtime(const runtime_options& options);
    runtime(const runtime&) = delete;
    runtime& operator=(const runtime&) = delete;
    /// Cancels and joins all its coroutines, then stops its workers. Not inside a coroutine of it.
    ~runtime();

    /// Runs `main` as a coroutine and blocks the calling thread until it, and all that it started,
    /// have ended; as coir::run. Throws std::logic_error inside a coroutine.
    template <std::invocable Main> COIR_ALWAYS_INLINE std::invoke_result_t<Main> run(Main&& main) {
        return detail::run_main<std::invoke_result_t<Main>>(*core_, main);
    }

    /// Starts a coroutine, from any thread; as coir::go. It lives until it ends or the runtime
    /// does.
    template <typename Function, typename... Arguments>
        requires detail::startable<Function, Arguments...>
    COIR_NOINLINE task<detail::start_result<Function, Arguments...>> go(Function&& function,
                                                                        Arguments&&... arguments) {
        return detail::start(core_, COIR_CALL_SITE, task_options{},
                             std::forward<Function>(function),
                             std::forward<Arguments>(arguments)...);
    }
    template <typename Function, typename... Arguments>
        requires detail::startable<Function, Arguments...>
    COIR_NOINLINE task<detail::start_result<Function, Arguments...>>
    go(const task_options& options, Function&& function, Arguments&&... arguments) {
        return detail::start(core_, COIR_CALL_SITE, options, std::forward<Function>(function),
                             std::forward<Arguments>(arguments)...);
    }

    /// The number of its workers, after environment and automatic choice.
    [[nodiscard]] std::size_t workers() const noexcept;

private:
    detail::runtime_core* core_;
};

template <std::invocable Main>
COIR_ALWAYS_INLINE std::invoke_result_t<Main> run(const runtime_options& options, Main&& main) {
    detail::refuse_in_coroutine("coir::run");
    runtime own{options};
    return own.run(std::forward<Main>(main));
}

template <std::invocable Main> COIR_ALWAYS_INLINE std::invoke_result_t<Main> run(Main&& main) {
    return coir::run(runtime_options{}, std::forward<Main>(main));
}

} // namespace coir
