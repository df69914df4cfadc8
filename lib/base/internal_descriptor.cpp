// SPDX-License-Identifier: MIT
#include "base/internal_descriptor.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace coir::detail {

int above_standard_streams(int fd) noexcept {
    if (fd < 0 || fd > STDERR_FILENO) [[likely]]
        return fd;
    const int moved = ::fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    const int error = errno;
    ::close(fd);
    errno = error;
    return moved;
}

} // namespace coir::detail
