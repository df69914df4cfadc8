// SPDX-License-Identifier: MIT
#pragma once
// Owns what the tests of I/O stand on: the sweep over both backends, a folder of their own, few
// descriptors, and foreign programs to compare with.

#include "fixture.hpp"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <string>

namespace fixture {

inline constexpr std::array backends{coir::io_backend::uring, coir::io_backend::epoll};

/// Runs the body as the main coroutine on both backends, with one and with two workers.
template <class Body> void for_each_io(Body body) {
    for (const coir::io_backend backend : backends) {
        for (const int workers : {1, 2}) {
            INFO("epoll = ", backend == coir::io_backend::epoll, ", workers = ", workers);
            const leak_check leaks;
            coir::runtime_options options = with_workers(workers);
            options.io = backend;
            coir::run(options, [&] { body(); });
        }
    }
}

/// A folder that is gone at the end of the scope, with all that is in it.
class temporary_folder {
public:
    temporary_folder() {
        std::string name = (std::filesystem::temp_directory_path() / "coir-test-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    temporary_folder(const temporary_folder&) = delete;
    ~temporary_folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    std::string path() const { return path_.string(); }
    std::string operator/(const std::string& name) const { return (path_ / name).string(); }

private:
    std::filesystem::path path_;
};

/// Lowers the limit of descriptors to those that are open and `more`.
class descriptor_limit {
public:
    explicit descriptor_limit(rlim_t more) {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        const int lowest_free = ::dup(0);
        ::close(lowest_free);
        const rlimit lower{static_cast<rlim_t>(lowest_free) + more, before_.rlim_max};
        ::setrlimit(RLIMIT_NOFILE, &lower);
    }
    descriptor_limit(const descriptor_limit&) = delete;
    ~descriptor_limit() { ::setrlimit(RLIMIT_NOFILE, &before_); }

private:
    rlimit before_{};
};

/// What a shell command prints; a failing one adds its status. Blocks its thread: at most as long
/// as the command lives.
inline std::string shell(const std::string& command) {
    std::FILE* const from = ::popen(command.c_str(), "re");
    if (from == nullptr) return "popen failed";
    std::string text;
    std::array<char, 4'096> part;
    while (const std::size_t count = std::fread(part.data(), 1, part.size(), from)) {
        text.append(part.data(), count);
    }
    const int status = ::pclose(from);
    if (status != 0) text += "[status " + std::to_string(WEXITSTATUS(status)) + "]";
    return text;
}

/// Bytes that repeat nowhere soon, so that one which is lost or doubled shows.
inline std::string pattern(std::size_t size) {
    std::string text(size, '\0');
    std::uint64_t state = 88'172'645'463'325'252ULL;
    for (char& one : text) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        one = static_cast<char>(state);
    }
    return text;
}

/// The error with which `operation` throws a std::system_error; none if it does not.
template <class Operation> std::error_code error_of(Operation operation) {
    try {
        operation();
    } catch (const std::system_error& thrown) {
        return thrown.code();
    }
    return {};
}
/// The text of what it throws.
template <class Operation> std::string text_of(Operation operation) {
    try {
        operation();
    } catch (const std::exception& thrown) {
        return thrown.what();
    }
    return {};
}

} // namespace fixture
