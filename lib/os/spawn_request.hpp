// SPDX-License-Identifier: MIT
#pragma once
// Owns what posix_spawn is told: arguments, variables, streams, signals.

#include "os/pipe_ends.hpp"

#include <coir/os/process.hpp>

#include <spawn.h>

#include <csignal>
#include <string>
#include <vector>

namespace coir::detail {

/// One child to be started. Everything is prepared by `prepare`; `start` blocks its thread until
/// the new program has taken over.
class spawn_request {
public:
    spawn_request(const std::vector<std::string>& argv, const process_options& options,
                  const sigset_t& mask);
    spawn_request(const spawn_request&) = delete;
    spawn_request& operator=(const spawn_request&) = delete;
    ~spawn_request();

    /// Opens the pipes; returns 0 or an errno.
    [[nodiscard]] int prepare();
    /// Returns 0 or an errno. On success `pid` and `pidfd` are set, the child's ends are closed.
    [[nodiscard]] int start() noexcept;

    pid_t pid = -1;
    plain_descriptor pidfd;
    /// Our ends of the pipes, by the number of the child's stream.
    std::array<plain_descriptor, 3> ours;

private:
    [[nodiscard]] int prepare_stream(int stream, stdio where);
    [[nodiscard]] int open_pipe(int stream);
    [[nodiscard]] int open_pidfd() noexcept;

    const process_options& options_;
    std::vector<std::string> variables_;
    std::vector<char*> arguments_;
    std::vector<char*> environment_;
    std::array<plain_descriptor, 3> theirs_;
    posix_spawn_file_actions_t actions_{};
    posix_spawnattr_t attributes_{};
};

} // namespace coir::detail
