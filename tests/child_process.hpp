// SPDX-License-Identifier: MIT
#pragma once
// Owns running a piece of a test in a process of its own, for what ends a process or reads its
// environment. The pieces are test cases that are skipped unless named: the child is this very
// program, told to run only that one. (No commas in the names: doctest takes them for lists.)
//
//     CHILD("hangs") { coir::run([] { coir::select(); }); }
//     TEST_CASE("a hang exits with 2") { CHECK(run_child("hangs").status == 2); }

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#define CHILD(name) TEST_CASE("child: " name* doctest::skip())

namespace fixture {

struct outcome {
    int status = -1; ///< exit status, -1 if a signal ended it
    int signal = 0;
    std::string out;
    std::string error;

    bool says(const std::string& text) const { return error.find(text) != std::string::npos; }
    bool prints(const std::string& text) const { return out.find(text) != std::string::npos; }
};

namespace detail {

class pipe_pair {
public:
    pipe_pair() { REQUIRE(::pipe2(ends_.data(), O_CLOEXEC) == 0); }
    pipe_pair(const pipe_pair&) = delete;
    ~pipe_pair() {
        ::close(ends_[0]);
        close_writer();
    }
    int reader() const { return ends_[0]; }
    int writer() const { return ends_[1]; }
    void close_writer() {
        if (ends_[1] >= 0) ::close(ends_[1]);
        ends_[1] = -1;
    }

private:
    std::array<int, 2> ends_{};
};

/// Reads both pipes to their ends, in whatever order the child fills them.
inline void drain(const pipe_pair& out, const pipe_pair& error, outcome& result) {
    std::array<pollfd, 2> ends{pollfd{out.reader(), POLLIN, 0}, pollfd{error.reader(), POLLIN, 0}};
    std::array<std::string*, 2> texts{&result.out, &result.error};
    int open = 2;
    while (open > 0) {
        if (::poll(ends.data(), 2, -1) < 0 && errno != EINTR) break;
        for (std::size_t i = 0; i < 2; ++i) {
            if (ends[i].fd < 0 || ends[i].revents == 0) continue;
            std::array<char, 4'096> buffer;
            const ssize_t count = ::read(ends[i].fd, buffer.data(), buffer.size());
            if (count > 0) {
                texts[i]->append(buffer.data(), static_cast<std::size_t>(count));
            } else {
                ends[i].fd = -1;
                --open;
            }
        }
    }
}

} // namespace detail

/// Runs the CHILD of that name with additional "NAME=VALUE"s and waits for its end.
inline outcome run_child(const std::string& name,
                         const std::vector<std::string>& environment = {}) {
    std::vector<std::string> variables;
    for (char** variable = environ; *variable != nullptr; ++variable) {
        // The suite may itself run under COIR_WORKERS; the child starts clean.
        if (std::string(*variable).rfind("COIR_", 0) != 0) variables.emplace_back(*variable);
    }
    variables.insert(variables.end(), environment.begin(), environment.end());
    std::vector<char*> pointers;
    for (std::string& variable : variables) pointers.push_back(variable.data());
    pointers.push_back(nullptr);

    REQUIRE(name.find(',') == std::string::npos);
    // By its name: where the link leads is Valgrind, if that runs us.
    std::string program = std::filesystem::read_symlink("/proc/self/exe");
    std::string filter = "--test-case=child: " + name;
    std::string no_skip = "--no-skip";
    std::array<char*, 4> arguments{program.data(), filter.data(), no_skip.data(), nullptr};

    outcome result;
    detail::pipe_pair out;
    detail::pipe_pair error;
    posix_spawn_file_actions_t actions;
    REQUIRE(::posix_spawn_file_actions_init(&actions) == 0);
    ::posix_spawn_file_actions_adddup2(&actions, out.writer(), 1);
    ::posix_spawn_file_actions_adddup2(&actions, error.writer(), 2);
    pid_t child = 0;
    REQUIRE(::posix_spawn(&child, program.c_str(), &actions, nullptr, arguments.data(),
                          pointers.data()) == 0);
    ::posix_spawn_file_actions_destroy(&actions);
    out.close_writer();
    error.close_writer();
    detail::drain(out, error, result);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    if (WIFEXITED(status)) result.status = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
    return result;
}

} // namespace fixture
