// SPDX-License-Identifier: MIT
#include "io/descriptor.hpp"
#include "io/parts.hpp"
#include "io/result.hpp"

#include <coir/blocking.hpp>
#include <coir/os/standard_streams.hpp>

#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <type_traits>

namespace coir {
namespace {

// Where a stream is a file on a disk its position is shared with other processes, as in
// `(a; b) > log`, so it has to be the kernel's; and that one is moved reliably by plain system
// calls only (see file::write_some). What is cached is done at once, the rest by a thread.
template <typename Call> int at_own_position(detail::descriptor& stream, Call call) {
    const auto attempt = [&](int flags) {
        const detail::descriptor::use held{stream};
        if (!held) return -EBADF;
        ssize_t result = 0;
        do {
            result = call(stream.fd(), flags);
        } while (result < 0 && errno == EINTR);
        return result >= 0 ? static_cast<int>(result) : -errno;
    };
    const int result = attempt(RWF_NOWAIT);
    // 0: Linux 5.9 and 5.10 say so before the end, too (preadv2(2), BUGS).
    if (result != -EAGAIN && result != -EOPNOTSUPP && result != 0) return result;
    return blocking([&] { return attempt(0); });
}

} // namespace

standard_stream::standard_stream(int fd, const char* name)
    : descriptor_handle{detail::descriptor_pointer{new detail::descriptor{fd, true}}}, name_{name} {
    struct ::stat status{};
    is_storage_ = ::fstat(fd, &status) == 0 && (S_ISREG(status.st_mode) || S_ISBLK(status.st_mode));
}

std::size_t standard_stream::read_some(io::buffer into, std::error_code& error) {
    return read_parts({&into, 1}, error);
}

std::size_t standard_stream::read_parts(std::span<const io::buffer> into, std::error_code& error) {
    if (descriptor_ == nullptr) return detail::count_or_error(-EBADF, error);
    const detail::io_parts parts{into};
    if (!is_storage_) {
        const auto what = detail::read_request(descriptor_->fd(), parts);
        return detail::count_or_error(detail::perform(what, descriptor_.get()), error);
    }
    const auto read = [&](int fd, int flags) {
        return ::preadv2(fd, parts.data(), static_cast<int>(parts.count()), -1, flags);
    };
    return detail::count_or_error(at_own_position(*descriptor_, read), error);
}

std::size_t standard_stream::write_some(io::bytes data, std::error_code& error) {
    return write_parts({&data, 1}, 0, error);
}

std::size_t standard_stream::write_parts(std::span<const io::bytes> parts, std::size_t skip,
                                         std::error_code& error) {
    if (descriptor_ == nullptr) return detail::count_or_error(-EBADF, error);
    const detail::io_parts rest{parts, skip};
    if (!is_storage_) {
        const auto what = detail::write_request(descriptor_->fd(), rest);
        return detail::count_or_error(detail::perform(what, descriptor_.get()), error);
    }
    const auto write = [&](int fd, int flags) {
        return ::pwritev2(fd, rest.data(), static_cast<int>(rest.count()), -1, flags);
    };
    return detail::count_or_error(at_own_position(*descriptor_, write), error);
}

std::string standard_stream::describe(const char* verb) const {
    return std::string{verb} + " " + name_;
}

standard_stream standard_input() { return {STDIN_FILENO, "standard input"}; }
standard_stream standard_output() { return {STDOUT_FILENO, "standard output"}; }
standard_stream standard_error() { return {STDERR_FILENO, "standard error"}; }

} // namespace coir
