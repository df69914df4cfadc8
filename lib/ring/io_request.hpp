// SPDX-License-Identifier: MIT
#pragma once
// Owns the description of one I/O operation: plain data, what a submission queue entry needs.

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <bit>
#include <cstdint>

namespace coir::detail {

enum class io_opcode : std::uint8_t {
    nop,
    read,
    write,
    recv,
    send,
    readv,
    writev,
    recvmsg,
    sendmsg,
    accept,
    connect,
    poll,
    close,
    shutdown,
    splice,
    fsync,
    openat,
    statx,
    unlinkat,
    renameat,
    mkdirat,
};
inline constexpr unsigned io_opcode_count = static_cast<unsigned>(io_opcode::mkdirat) + 1;

/// The offset that stands for the file's own position, and for streams.
inline constexpr std::uint64_t current_position = ~std::uint64_t{0};

/// What the fields mean differs with the opcode, as in the kernel's interface: make requests with
/// the functions below. What they point to must live until the operation completed.
struct io_request {
    io_opcode opcode = io_opcode::nop;
    int fd = -1;
    int other_fd = -1;                       // splice: from where; renameat: the new folder
    unsigned flags = 0;                      // MSG_*, SOCK_*, RWF_*, O_*, AT_*, SPLICE_F_*, POLL*
    const void* address = nullptr;           // buffer, iovec, msghdr, socket address, path;
                                             // splice: from which offset
    std::uint64_t length = 0;                // bytes, iovec count, mode, mask, how
    std::uint64_t offset = current_position; // or the second pointer
};

namespace request {

[[nodiscard]] inline io_request nop() noexcept { return {}; }

[[nodiscard]] inline io_request read(int fd, void* buffer, std::uint64_t bytes,
                                     std::uint64_t offset = current_position) noexcept {
    return {io_opcode::read, fd, -1, 0, buffer, bytes, offset};
}
[[nodiscard]] inline io_request write(int fd, const void* data, std::uint64_t bytes,
                                      std::uint64_t offset = current_position) noexcept {
    return {io_opcode::write, fd, -1, 0, data, bytes, offset};
}
[[nodiscard]] inline io_request readv(int fd, const iovec* parts, std::uint64_t count,
                                      std::uint64_t offset = current_position) noexcept {
    return {io_opcode::readv, fd, -1, 0, parts, count, offset};
}
[[nodiscard]] inline io_request writev(int fd, const iovec* parts, std::uint64_t count,
                                       std::uint64_t offset = current_position) noexcept {
    return {io_opcode::writev, fd, -1, 0, parts, count, offset};
}

/// MSG_DONTWAIT makes the four message operations end with -EAGAIN instead of waiting. Sending
/// never raises SIGPIPE.
[[nodiscard]] inline io_request recv(int fd, void* buffer, std::uint64_t bytes,
                                     int flags = 0) noexcept {
    return {io_opcode::recv, fd, -1, static_cast<unsigned>(flags), buffer, bytes, 0};
}
[[nodiscard]] inline io_request send(int fd, const void* data, std::uint64_t bytes,
                                     int flags = 0) noexcept {
    return {io_opcode::send, fd, -1, static_cast<unsigned>(flags | MSG_NOSIGNAL), data, bytes, 0};
}
[[nodiscard]] inline io_request recvmsg(int fd, msghdr* message, int flags = 0) noexcept {
    return {io_opcode::recvmsg, fd, -1, static_cast<unsigned>(flags), message, 1, 0};
}
[[nodiscard]] inline io_request sendmsg(int fd, const msghdr* message, int flags = 0) noexcept {
    return {io_opcode::sendmsg, fd, -1, static_cast<unsigned>(flags | MSG_NOSIGNAL), message, 1, 0};
}

/// The result is the new descriptor. `address` and `length` may be null; `flags` are SOCK_*.
[[nodiscard]] inline io_request accept(int fd, sockaddr* address, socklen_t* length,
                                       int flags) noexcept {
    return {io_opcode::accept,
            fd,
            -1,
            static_cast<unsigned>(flags),
            address,
            0,
            std::bit_cast<std::uintptr_t>(length)};
}
[[nodiscard]] inline io_request connect(int fd, const sockaddr* address,
                                        socklen_t length) noexcept {
    return {io_opcode::connect, fd, -1, 0, address, length, 0};
}

/// The result is the set of events that came, POLLHUP and POLLERR among them unasked.
[[nodiscard]] inline io_request poll(int fd, short events) noexcept {
    return {io_opcode::poll, fd, -1, static_cast<unsigned short>(events), nullptr, 0, 0};
}
[[nodiscard]] inline io_request close(int fd) noexcept {
    return {io_opcode::close, fd, -1, 0, nullptr, 0, 0};
}
[[nodiscard]] inline io_request shutdown(int fd, int how) noexcept {
    return {io_opcode::shutdown, fd, -1, 0, nullptr, static_cast<unsigned>(how), 0};
}

/// Moves between a pipe and another descriptor, each at its own position.
[[nodiscard]] inline io_request splice(int from, int to, std::uint64_t bytes,
                                       unsigned flags = 0) noexcept {
    return {io_opcode::splice,
            to,
            from,
            flags,
            std::bit_cast<const void*>(std::uintptr_t{current_position}),
            bytes,
            current_position};
}
/// From a file, at `offset`, into a pipe that has room.
[[nodiscard]] inline io_request splice(int file, std::uint64_t offset, int to,
                                       std::uint64_t bytes) noexcept {
    return {
        io_opcode::splice, to, file, 0, std::bit_cast<const void*>(std::uintptr_t{offset}), bytes,
        current_position};
}

[[nodiscard]] inline io_request fsync(int fd, bool data_only = false) noexcept {
    return {io_opcode::fsync, fd, -1, data_only ? 1U : 0U, nullptr, 0, 0};
}
[[nodiscard]] inline io_request openat(int folder, const char* path, int flags,
                                       mode_t mode) noexcept {
    return {io_opcode::openat, folder, -1, static_cast<unsigned>(flags), path, mode, 0};
}
[[nodiscard]] inline io_request statx(int folder, const char* path, int flags, unsigned mask,
                                      struct ::statx* result) noexcept {
    return {io_opcode::statx,
            folder,
            -1,
            static_cast<unsigned>(flags),
            path,
            mask,
            std::bit_cast<std::uintptr_t>(result)};
}
[[nodiscard]] inline io_request unlinkat(int folder, const char* path, int flags) noexcept {
    return {io_opcode::unlinkat, folder, -1, static_cast<unsigned>(flags), path, 0, 0};
}
[[nodiscard]] inline io_request renameat(int from_folder, const char* from, int to_folder,
                                         const char* to, unsigned flags = 0) noexcept {
    return {io_opcode::renameat,
            from_folder,
            to_folder,
            flags,
            from,
            0,
            std::bit_cast<std::uintptr_t>(to)};
}
[[nodiscard]] inline io_request mkdirat(int folder, const char* path, mode_t mode) noexcept {
    return {io_opcode::mkdirat, folder, -1, 0, path, mode, 0};
}

} // namespace request
} // namespace coir::detail
