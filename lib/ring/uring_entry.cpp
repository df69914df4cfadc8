// SPDX-License-Identifier: MIT
#include "ring/uring_entry.hpp"

#include <liburing.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>

namespace coir::detail {

namespace {

constexpr std::array<std::uint8_t, io_opcode_count> kernel_opcodes = {
    IORING_OP_NOP,     IORING_OP_READ,     IORING_OP_WRITE,    IORING_OP_RECV,
    IORING_OP_SEND,    IORING_OP_READV,    IORING_OP_WRITEV,   IORING_OP_RECVMSG,
    IORING_OP_SENDMSG, IORING_OP_ACCEPT,   IORING_OP_CONNECT,  IORING_OP_POLL_ADD,
    IORING_OP_CLOSE,   IORING_OP_SHUTDOWN, IORING_OP_SPLICE,   IORING_OP_FSYNC,
    IORING_OP_OPENAT,  IORING_OP_STATX,    IORING_OP_UNLINKAT, IORING_OP_RENAMEAT,
    IORING_OP_MKDIRAT,
};
static_assert(kernel_opcodes.back() == IORING_OP_MKDIRAT, "one entry for each io_opcode, in order");

} // namespace

std::uint8_t kernel_opcode(io_opcode opcode) noexcept {
    return kernel_opcodes[static_cast<std::size_t>(opcode)];
}

void fill_entry(io_uring_sqe& entry, const io_request& request) noexcept {
    // The kernel moves no more than this in one call anyway; the field has 32 bits.
    constexpr std::uint64_t most_bytes = 0x7ffff000;
    entry = {};
    entry.opcode = kernel_opcode(request.opcode);
    entry.fd = request.fd;
    entry.off = request.offset;
    entry.addr = std::bit_cast<std::uintptr_t>(request.address);
    entry.len = static_cast<std::uint32_t>(std::min(request.length, most_bytes));
    entry.rw_flags = static_cast<__kernel_rwf_t>(request.flags); // one union for all kinds of flags
    switch (request.opcode) {
    case io_opcode::connect:
        entry.off = request.length;
        entry.len = 0;
        break;
    case io_opcode::splice:
        entry.splice_fd_in = request.other_fd;
        entry.splice_off_in = std::bit_cast<std::uintptr_t>(request.address);
        break;
    case io_opcode::renameat: entry.len = static_cast<std::uint32_t>(request.other_fd); break;
    default: break;
    }
}

void fill_entry_with_poll(io_uring_sqe& entry, int fd, unsigned events) noexcept {
    entry = {};
    entry.opcode = IORING_OP_POLL_ADD;
    entry.fd = fd;
    entry.poll32_events = events;
}

bool was_interrupted(int result) noexcept {
    // Splice (at least to 6.18) lets the kernel's internal codes slip out: ERESTARTSYS is 512, its
    // neighbours follow.
    return result == -EINTR || (result <= -512 && result >= -516);
}

bool may_restart(const io_request& request) noexcept {
    return request.opcode != io_opcode::connect && request.opcode != io_opcode::close;
}

} // namespace coir::detail
