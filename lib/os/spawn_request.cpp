// SPDX-License-Identifier: MIT
#include "os/spawn_request.hpp"

#include "base/internal_descriptor.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

namespace coir::detail {
namespace {

std::string_view name_of(std::string_view variable) {
    return variable.substr(0, variable.find('='));
}

// The parent's variables with those of `options` instead of, or after, them.
std::vector<std::string> merged_environment(const process_options& options) {
    std::vector<std::string> merged;
    for (char** one = environ; !options.clear_environment && one != nullptr && *one != nullptr;
         ++one) {
        merged.emplace_back(*one);
    }
    for (const std::string& variable : options.environment) {
        const auto same = std::ranges::find_if(
            merged, [&](const auto& other) { return name_of(other) == name_of(variable); });
        if (same != merged.end()) {
            *same = variable;
        } else {
            merged.push_back(variable);
        }
    }
    return merged;
}

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    pointers.reserve(texts.size() + 1);
    for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
    pointers.push_back(nullptr);
    return pointers;
}

sigset_t only(int signal) {
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, signal);
    return set;
}

// A program whose own streams are closed gets their numbers for its pipes: out of the way, lest one
// stream of the child overwrites what is to become another.
int above_streams(plain_descriptor& end) {
    end = plain_descriptor{above_standard_streams(end.release())};
    return end.get() >= 0 ? 0 : errno;
}

} // namespace

spawn_request::spawn_request(const std::vector<std::string>& argv, const process_options& options,
                             const sigset_t& mask)
    : options_{options}, variables_{merged_environment(options)}, arguments_{pointers_to(argv)},
      environment_{pointers_to(variables_)} {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawnattr_init(&attributes_);
    // glibc gives signals with a handler their defaults anyway; what is ignored would stay so.
    const sigset_t defaulted = only(SIGPIPE);
    ::posix_spawnattr_setsigdefault(&attributes_, &defaulted);
    ::posix_spawnattr_setsigmask(&attributes_, &mask);
    int flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
    if (options.new_process_group) {
        ::posix_spawnattr_setpgroup(&attributes_, 0);
        flags |= POSIX_SPAWN_SETPGROUP;
    }
    ::posix_spawnattr_setflags(&attributes_, static_cast<short>(flags));
}

spawn_request::~spawn_request() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
}

int spawn_request::prepare() {
    int error = prepare_stream(STDIN_FILENO, options_.standard_input);
    if (error == 0) error = prepare_stream(STDOUT_FILENO, options_.standard_output);
    if (error == 0) error = prepare_stream(STDERR_FILENO, options_.standard_error);
    if (error == 0 && !options_.working_directory.empty()) {
        error =
            ::posix_spawn_file_actions_addchdir_np(&actions_, options_.working_directory.c_str());
    }
    return error;
}

int spawn_request::prepare_stream(int stream, stdio where) {
    switch (where) {
    case stdio::inherit: return 0;
    case stdio::null:
        return ::posix_spawn_file_actions_addopen(&actions_, stream, "/dev/null",
                                                  stream == STDIN_FILENO ? O_RDONLY : O_WRONLY, 0);
    case stdio::piped: return open_pipe(stream);
    }
    return EINVAL;
}

int spawn_request::open_pipe(int stream) {
    const auto at = static_cast<std::size_t>(stream);
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return errno;
    const bool child_reads = stream == STDIN_FILENO;
    theirs_[at] = plain_descriptor{ends[child_reads ? 0 : 1]};
    ours[at] = plain_descriptor{ends[child_reads ? 1 : 0]};
    if (const int error = above_streams(theirs_[at]); error != 0) return error;
    if (const int error = above_streams(ours[at]); error != 0) return error;
    suit_backend(ours[at].get());
    return ::posix_spawn_file_actions_adddup2(&actions_, theirs_[at].get(), stream);
}

int spawn_request::start() noexcept {
    // A number for the pidfd is kept: without it a child that already runs would have to go.
    plain_descriptor reserved{::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1)};
    if (reserved.get() < 0 && errno == EBADF) {
        const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
        reserved = plain_descriptor{above_standard_streams(null)};
    }
    if (reserved.get() < 0) return errno;
    const int error = ::posix_spawnp(&pid, arguments_[0], &actions_, &attributes_,
                                     arguments_.data(), environment_.data());
    if (error != 0) return error;
    for (plain_descriptor& end : theirs_) end = plain_descriptor{};
    reserved = plain_descriptor{};
    return open_pidfd();
}

int spawn_request::open_pidfd() noexcept {
    const int opened = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
    pidfd = plain_descriptor{above_standard_streams(opened)};
    if (pidfd.get() >= 0) return 0;
    const int error = errno; // Linux before 5.3, a filter, or another thread took the number
    ::kill(pid, SIGKILL);
    int ignored = 0;
    while (::waitpid(pid, &ignored, 0) < 0 && errno == EINTR) {}
    return error;
}

} // namespace coir::detail
