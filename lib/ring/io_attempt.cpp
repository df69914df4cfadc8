// SPDX-License-Identifier: MIT
//
// Descriptors come with and without O_NONBLOCK, which belongs to the open file and may be shared
// with other processes, so it is not for us to change. RWF_NOWAIT and MSG_DONTWAIT ask for the same
// per call. Where a file knows neither (terminals, pipes before 6.x), we look whether it is ready
// and read then, which another process can spoil only by reading from under us; writing more than
// there is room for would block, so that goes to a thread, in small pieces.
#include "ring/io_attempt.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <climits>
#include <cstdio>

namespace coir::detail {

namespace {

// Runs a system call until no signal interrupts it; errno becomes part of the result at once.
template <typename Call> int result_of(Call call) noexcept {
    for (;;) {
        const auto result = call();
        if (result >= 0) return static_cast<int>(std::min<long long>(result, INT_MAX));
        if (const int error = errno; error != EINTR) return -error;
    }
}

bool is_nonblocking(int fd) noexcept {
    const int flags = ::fcntl(fd, F_GETFL);
    return flags >= 0 && (flags & O_NONBLOCK) != 0;
}

int ready_events(int fd, unsigned events) noexcept {
    if (fd < 0) return -EBADF; // poll() would skip it
    pollfd polled{fd, static_cast<short>(events), 0};
    const int count = result_of([&] { return ::poll(&polled, 1, 0); });
    if (count < 0) return count;
    if ((polled.revents & POLLNVAL) != 0) return -EBADF;
    return count == 0 ? -EAGAIN : polled.revents;
}

struct parts {
    const iovec* first;
    int count;
};

parts parts_of(const io_request& request, iovec& single) noexcept {
    if (request.opcode == io_opcode::readv || request.opcode == io_opcode::writev) {
        const auto count = std::min<std::uint64_t>(request.length, INT_MAX);
        return {static_cast<const iovec*>(request.address), static_cast<int>(count)};
    }
    constexpr std::uint64_t most_bytes = 0x7ffff000; // the kernel's own limit per call
    single = {const_cast<void*>(request.address), std::min(request.length, most_bytes)};
    return {&single, 1};
}

bool is_read(const io_request& request) noexcept {
    return request.opcode == io_opcode::read || request.opcode == io_opcode::readv;
}

int transfer(const io_request& request, unsigned flags) noexcept {
    iovec single{};
    const parts what = parts_of(request, single);
    const auto offset = static_cast<off_t>(request.offset); // current_position is -1
    const int how = static_cast<int>(flags);
    if (is_read(request)) {
        return result_of(
            [&] { return ::preadv2(request.fd, what.first, what.count, offset, how); });
    }
    return result_of([&] { return ::pwritev2(request.fd, what.first, what.count, offset, how); });
}

// Regular files and block devices are always "ready" and block nevertheless.
bool is_storage(int fd) noexcept {
    struct ::stat status{};
    if (::fstat(fd, &status) != 0) return false;
    return S_ISREG(status.st_mode) || S_ISBLK(status.st_mode) || S_ISDIR(status.st_mode);
}

int attempt_transfer(const io_request& request) noexcept {
    const int result = transfer(request, request.flags | RWF_NOWAIT);
    if (result != -EOPNOTSUPP || (request.flags & RWF_NOWAIT) != 0) return result;
    if (is_storage(request.fd)) return needs_thread;
    if (is_nonblocking(request.fd)) return transfer(request, request.flags);
    const int events = ready_events(request.fd, is_read(request) ? POLLIN : POLLOUT);
    if (events < 0) return events;
    return is_read(request) ? transfer(request, request.flags) : needs_thread;
}

// Blocking, so that no more is written than a ready pipe takes without making us wait: a thread
// that is stuck half-way could not tell how much it wrote.
int perform_transfer(const io_request& request) noexcept {
    if (is_read(request) || is_storage(request.fd)) return transfer(request, request.flags);
    iovec single{};
    const parts what = parts_of(request, single);
    const iovec* const end = what.first + what.count;
    const iovec* const part =
        std::find_if(what.first, end, [](const iovec& each) { return each.iov_len != 0; });
    if (part == end) return 0;
    const std::size_t bytes = std::min<std::size_t>(part->iov_len, PIPE_BUF);
    return result_of([&] { return ::write(request.fd, part->iov_base, bytes); });
}

int attempt_message(const io_request& request) noexcept {
    const int flags = static_cast<int>(request.flags) | MSG_DONTWAIT;
    void* const address = const_cast<void*>(request.address);
    switch (request.opcode) {
    case io_opcode::recv:
        return result_of([&] { return ::recv(request.fd, address, request.length, flags); });
    case io_opcode::send:
        return result_of([&] { return ::send(request.fd, address, request.length, flags); });
    case io_opcode::recvmsg:
        return result_of(
            [&] { return ::recvmsg(request.fd, static_cast<msghdr*>(address), flags); });
    default:
        return result_of(
            [&] { return ::sendmsg(request.fd, static_cast<msghdr*>(address), flags); });
    }
}

int attempt_accept(const io_request& request) noexcept {
    if (!is_nonblocking(request.fd)) {
        if (const int events = ready_events(request.fd, POLLIN); events < 0) return events;
    }
    auto* const address = static_cast<sockaddr*>(const_cast<void*>(request.address));
    auto* const length = std::bit_cast<socklen_t*>(request.offset);
    return result_of(
        [&] { return ::accept4(request.fd, address, length, static_cast<int>(request.flags)); });
}

int attempt_connect(const io_request& request, bool resumed) noexcept {
    if (resumed) {
        if (const int events = ready_events(request.fd, POLLOUT); events < 0) return events;
        int error = 0;
        socklen_t size = sizeof error;
        const int result = result_of(
            [&] { return ::getsockopt(request.fd, SOL_SOCKET, SO_ERROR, &error, &size); });
        return result < 0 ? result : -error;
    }
    const int flags = ::fcntl(request.fd, F_GETFL);
    if (flags < 0) return -errno;
    const bool blocking = (flags & O_NONBLOCK) == 0;
    if (blocking) ::fcntl(request.fd, F_SETFL, flags | O_NONBLOCK); // no flag per call for this one
    const auto* const address = static_cast<const sockaddr*>(request.address);
    const int result = result_of(
        [&] { return ::connect(request.fd, address, static_cast<socklen_t>(request.length)); });
    if (blocking) ::fcntl(request.fd, F_SETFL, flags);
    return result;
}

std::uint64_t splice_offset(const io_request& request) noexcept {
    return std::bit_cast<std::uintptr_t>(request.address);
}

// Into a pipe that has room, so only the disk may have to be waited for.
int splice_file(const io_request& request) noexcept {
    auto offset = static_cast<off_t>(splice_offset(request));
    return result_of([&] {
        return ::splice(request.other_fd, &offset, request.fd, nullptr, request.length,
                        request.flags | SPLICE_F_NONBLOCK);
    });
}

int attempt_splice(const io_request& request) noexcept {
    if (splice_offset(request) != current_position) return needs_thread;
    return result_of([&] {
        return ::splice(request.other_fd, nullptr, request.fd, nullptr, request.length,
                        request.flags | SPLICE_F_NONBLOCK);
    });
}

int attempt_close(int fd) noexcept {
    if (::close(fd) == 0) return 0;
    const int error = errno;
    return error == EINTR ? 0 : -error; // Linux has closed it by then; again would hit a stranger
}

} // namespace

int attempt(const io_request& request, bool resumed) noexcept {
    switch (request.opcode) {
    case io_opcode::nop: return 0;
    case io_opcode::read:
    case io_opcode::write:
    case io_opcode::readv:
    case io_opcode::writev: return attempt_transfer(request);
    case io_opcode::recv:
    case io_opcode::send:
    case io_opcode::recvmsg:
    case io_opcode::sendmsg: return attempt_message(request);
    case io_opcode::accept: return attempt_accept(request);
    case io_opcode::connect: return attempt_connect(request, resumed);
    case io_opcode::poll: return ready_events(request.fd, request.flags);
    case io_opcode::close: return attempt_close(request.fd);
    case io_opcode::shutdown:
        return result_of([&] { return ::shutdown(request.fd, static_cast<int>(request.length)); });
    case io_opcode::splice: return attempt_splice(request);
    default: return needs_thread;
    }
}

int perform_blocking(const io_request& request) noexcept {
    const auto* const path = static_cast<const char*>(request.address);
    const int flags = static_cast<int>(request.flags);
    const auto mode = static_cast<mode_t>(request.length);
    return result_of([&]() -> int {
        switch (request.opcode) {
        case io_opcode::fsync: return flags != 0 ? ::fdatasync(request.fd) : ::fsync(request.fd);
        case io_opcode::openat: return ::openat(request.fd, path, flags, mode);
        case io_opcode::statx:
            return ::statx(request.fd, path, flags, static_cast<unsigned>(request.length),
                           std::bit_cast<struct ::statx*>(request.offset));
        case io_opcode::unlinkat: return ::unlinkat(request.fd, path, flags);
        case io_opcode::renameat:
            return ::renameat2(request.fd, path, request.other_fd,
                               std::bit_cast<const char*>(request.offset), request.flags);
        case io_opcode::mkdirat: return ::mkdirat(request.fd, path, mode);
        default: break;
        }
        const int result =
            request.opcode == io_opcode::splice ? splice_file(request) : perform_transfer(request);
        if (result >= 0) return result;
        errno = -result;
        return -1;
    });
}

} // namespace coir::detail
