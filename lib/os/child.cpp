// SPDX-License-Identifier: MIT
#include "os/child.hpp"

#include "io/operation.hpp"
#include "io/result.hpp"
#include "os/reaper.hpp"
#include "sched/fork.hpp"

#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <mutex>

namespace coir::detail {
namespace {

constexpr auto pidfd_type = static_cast<idtype_t>(3); // P_PIDFD, which older headers lack

} // namespace

reaped try_reap(int pidfd) noexcept {
    siginfo_t info{};
    int result = 0;
    do {
        result = ::waitid(pidfd_type, static_cast<id_t>(pidfd), &info, WEXITED | WNOHANG);
    } while (result != 0 && errno == EINTR);
    if (result != 0) return {true, errno, 0};
    if (info.si_pid == 0) return {};
    // As wait(2) would have it; 0x80: with a core dump.
    if (info.si_code == CLD_EXITED) return {true, 0, (info.si_status & 0xff) << 8};
    return {true, 0, info.si_status | (info.si_code == CLD_DUMPED ? 0x80 : 0)};
}

void child_deleter::operator()(child* dropped) const noexcept { delete dropped; }

descriptor* exit_descriptor(child* waited_for) noexcept {
    return waited_for != nullptr ? &waited_for->handle() : nullptr;
}

int take_status(child& ended, exit_status& status) noexcept {
    std::error_code error;
    const std::optional<exit_status> taken = ended.collect(error);
    if (error) return -error.value();
    if (!taken.has_value()) return -EAGAIN;
    status = *taken;
    return 0;
}

child::child(pid_t pid, int pidfd) noexcept
    : pid_{pid}, process_generation_{watch_for_fork()}, handle_{pidfd} {}

child::~child() {
    if (process_generation_ != process_generation()) return; // the child of another process
    if (!status_.has_value()) leave_to_reaper(handle_.release());
}

void child::kill(int signal, std::error_code& error) noexcept {
    error.clear();
    const std::lock_guard guard{lock_};
    if (status_.has_value()) {
        error = error_from(-ESRCH);
    } else if (::syscall(SYS_pidfd_send_signal, handle_.fd(), signal, nullptr, 0) != 0) {
        error = {errno, std::system_category()};
    }
}

std::optional<exit_status> child::collect(std::error_code& error) noexcept {
    error.clear();
    const std::lock_guard guard{lock_};
    if (status_.has_value()) return status_;
    const reaped result = try_reap(handle_.fd());
    if (result.failure != 0) error = error_from(-result.failure);
    if (result.ended && result.failure == 0) status_ = exit_status::from_wait(result.status);
    return status_;
}

exit_status child::wait(std::error_code& error) {
    for (;;) {
        const std::optional<exit_status> status = collect(error);
        if (status.has_value() || error) return status.value_or(exit_status{});
        const int result = perform(request::poll(handle_.fd(), POLLIN), &handle_);
        if (result < 0) {
            error = error_from(result);
            return {};
        }
    }
}

} // namespace coir::detail
