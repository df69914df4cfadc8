// SPDX-License-Identifier: MIT
#include "ring/wake_signal.hpp"

#include "base/check.hpp"
#include "base/internal_descriptor.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace coir::detail {

wake_signal::wake_signal()
    : descriptor_(above_standard_streams(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))) {
    if (descriptor_ < 0) throw std::system_error(errno, std::system_category(), "eventfd");
}

wake_signal::~wake_signal() { ::close(descriptor_); }

void wake_signal::write_eventfd() const noexcept {
    const int saved_errno = errno; // a signal handler must not change it
    const std::uint64_t one = 1;
    ssize_t written = 0;
    do {
        written = ::write(descriptor_, &one, sizeof one);
    } while (written < 0 && errno == EINTR);
    // EAGAIN would need 2^64 - 1 wake-ups.
    if (written != sizeof one) fatal("the eventfd that wakes a worker cannot be written");
    errno = saved_errno;
}

} // namespace coir::detail
