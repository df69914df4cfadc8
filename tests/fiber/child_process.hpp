// SPDX-License-Identifier: MIT
#pragma once
// Owns running a piece of code that may kill its process, in a child whose end can be looked at.

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <string>

struct child_end {
    int status = -1;    // as from waitpid
    std::string errors; // what the child wrote on standard error

    [[nodiscard]] bool exited_with(int code) const {
        return WIFEXITED(status) && WEXITSTATUS(status) == code;
    }
    [[nodiscard]] bool killed_by(int signal) const {
        return WIFSIGNALED(status) && WTERMSIG(status) == signal;
    }
};

/// Runs `body` in a forked child, which exits with 0 if the body returns.
template <typename Body> child_end run_in_child(Body body) {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) return {};
    const pid_t child = ::fork();
    if (child == 0) {
        const rlimit no_core{0, 0};
        ::setrlimit(RLIMIT_CORE, &no_core);
        ::dup2(ends[1], STDERR_FILENO);
        body();
        ::_exit(0);
    }
    ::close(ends[1]);
    child_end end;
    std::array<char, 4096> buffer;
    for (ssize_t n = 0; (n = ::read(ends[0], buffer.data(), buffer.size())) > 0;)
        end.errors.append(buffer.data(), static_cast<std::size_t>(n));
    ::close(ends[0]);
    ::waitpid(child, &end.status, 0);
    return end;
}
