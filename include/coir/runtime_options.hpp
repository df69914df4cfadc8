// SPDX-License-Identifier: MIT
#pragma once
// Owns the settings of a runtime.

#include <coir/detail/durations.hpp>
#include <coir/io/backend.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <string>

namespace coir {

/// What is told of a coroutine whose exception nobody collects.
struct task_info {
    std::uint64_t id = 0;  ///< as this_task::id tells it
    std::string name = {}; ///< as it was given to go, or empty
};

/// What happens when every coroutine waits and nothing is left that could wake one.
enum class deadlock_action {
    exit,   ///< report on standard error, then exit status 2
    abort,  ///< report, then abort (for a core file)
    report, ///< report once, then go on waiting
    off,    ///< do not look
};

namespace detail {

// A build without optimisation and with assertions is one in which somebody is looking for errors.
#if defined(NDEBUG) || defined(__OPTIMIZE__)
inline constexpr bool is_debug_build = false;
#else
inline constexpr bool is_debug_build = true;
#endif

} // namespace detail

/// Settings of a runtime; the environment variable named beside one overrides it.
struct runtime_options {
    /// Threads that run coroutines. 0: as many as CPUs this process may use, by its affinity mask
    /// and the CPU quotas of every enclosing cgroup. COIR_WORKERS.
    std::size_t workers = 0;
    /// Usable bytes of a coroutine's stack. Address space; a page costs memory once it is touched.
    /// COIR_STACK_SIZE, in bytes or with K or M.
    std::size_t stack_size = std::size_t{512} * 1024;
    /// COIR_IO=automatic|uring|epoll.
    io_backend io = io_backend::automatic;
    /// The most threads that `blocking` uses at a time.
    std::size_t max_blocking_threads = 256;
    /// Called for an exception (other than `cancelled`) that nobody can collect any more; returning
    /// goes on. The default prints name, type and message, and terminates.
    std::function<void(std::exception_ptr, const task_info&)> on_unhandled_exception = {};
    /// COIR_DEADLOCK=exit|abort|report|off.
    deadlock_action on_deadlock = deadlock_action::exit;

    // What helps to find errors. The first three are on in builds without optimisation.

    /// Reports on standard error, when `run` ends, the coroutines that are left and could only have
    /// waited for each other for ever: had `run` gone on, that would have been a deadlock. Makes
    /// the end of `run` wait some milliseconds for those that are about to end.
    /// COIR_LEAKS=report|off.
    bool report_leaks = detail::is_debug_build;
    /// Names on standard error a coroutine that holds a worker longer than this without a wait, and
    /// the functions it is in. 0: never. COIR_BUSY_LIMIT, in milliseconds.
    std::chrono::milliseconds busy_limit{detail::is_debug_build ? 100 : 0};
    /// Names on standard error a coroutine that waits while it holds a `checked` mutex, and whoever
    /// unlocks one that another has locked; see <coir/sync/checked.hpp>. COIR_CHECK=locks|off.
    bool check_locks = detail::is_debug_build;
    /// While the runtime lives, SIGQUIT (Ctrl-\\ in a terminal) writes dump_tasks() to standard
    /// error and the program goes on. COIR_SIGQUIT=dump|off.
    bool dump_on_sigquit = false;
};

} // namespace coir
