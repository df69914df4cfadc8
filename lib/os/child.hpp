// SPDX-License-Identifier: MIT
#pragma once
// Owns one child process: the descriptor that stands for it, and how it ended.
//
// A pidfd names the process and not its number, so no signal ever hits a stranger; it becomes
// readable when the process ends, so no handler of SIGCHLD is needed, and what else in the program
// has children is not disturbed.

#include "base/spin_lock.hpp"
#include "io/descriptor.hpp"

#include <coir/os/process.hpp>

#include <sys/types.h>

#include <optional>
#include <system_error>

namespace coir::detail {

class child {
public:
    /// Takes the pidfd over.
    child(pid_t pid, int pidfd) noexcept;
    child(const child&) = delete;
    child& operator=(const child&) = delete;
    /// A child that lives on is left to the reaper.
    ~child();

    [[nodiscard]] pid_t pid() const noexcept { return pid_; }
    [[nodiscard]] descriptor& handle() noexcept { return handle_; }

    void kill(int signal, std::error_code& error) noexcept;
    exit_status wait(std::error_code& error);
    /// Takes the status of a child that has ended; nothing if it lives, or with an error.
    std::optional<exit_status> collect(std::error_code& error) noexcept;

private:
    const pid_t pid_;
    const unsigned process_generation_;
    descriptor handle_;
    spin_lock lock_;
    std::optional<exit_status> status_; ///< guarded by lock_
};

/// Whether the process that `pidfd` stands for has been waited for by this call, or by others; 0 if
/// it lives, else its status from wait(2), or -errno (ECHILD: somebody else took it).
struct reaped {
    bool ended = false;
    int failure = 0; ///< errno
    int status = 0;
};
[[nodiscard]] reaped try_reap(int pidfd) noexcept;

} // namespace coir::detail
