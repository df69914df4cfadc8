// SPDX-License-Identifier: MIT
#pragma once
// Owns the settings of a runtime.

#include <coir/io/backend.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <string>

namespace coir {

/// What is told of a coroutine whose exception nobody collects.
struct task_info {
    std::uint64_t id = 0;
    std::string name = {};
};

/// What happens when every coroutine waits and nothing is left that could wake one.
enum class deadlock_action {
    exit,   ///< report on standard error, then exit status 2
    abort,  ///< report, then abort (for a core file)
    report, ///< report once, then go on waiting
    off,    ///< do not look
};

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
};

} // namespace coir
