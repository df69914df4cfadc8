// SPDX-License-Identifier: MIT
#pragma once
// Owns the choice, by the number of a socket, between the kernel and a simulation's network.

#include "ring/simulated_sockets.hpp"
#include "sched/simulated_scheduler.hpp"

#include <poll.h>
#include <unistd.h>

#include <cerrno>

namespace coir::detail {

/// Calls with the sockets of the simulation that the caller runs in; elsewhere a simulated number
/// is a bad one.
template <typename Call> [[nodiscard]] int ask_simulation(Call&& call) {
    simulated_sockets* const simulated = sockets_of_simulation();
    return simulated != nullptr ? call(*simulated) : -EBADF;
}

/// A result of a simulation as system calls return theirs: -1 with errno.
[[nodiscard]] inline int as_system_call(int result) noexcept {
    if (result >= 0) return result;
    errno = -result;
    return -1;
}

inline void close_number(int fd) noexcept {
    if (!is_simulated(fd)) {
        ::close(fd); // Linux gives the number back even where it reports EINTR
        return;
    }
    simulated_sockets* const simulated = sockets_of_simulation();
    if (simulated == nullptr || !simulated->close(fd)) give_number_back(fd);
}

/// As poll(2) without waiting.
[[nodiscard]] inline int poll_now(pollfd& asked) noexcept {
    if (!is_simulated(asked.fd)) return ::poll(&asked, 1, 0);
    simulated_sockets* const simulated = sockets_of_simulation();
    asked.revents = POLLNVAL;
    if (simulated != nullptr) asked.revents = simulated->readiness(asked.fd, asked.events);
    return asked.revents != 0 ? 1 : 0;
}

} // namespace coir::detail
