// SPDX-License-Identifier: MIT
#pragma once
// Owns what each operation has to wait for when it cannot be done at once.

#include "ring/io_request.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

namespace coir::detail {

/// Tells whether -EAGAIN from this operation means that it should wait, and not that its caller
/// asked not to. (A connect to a full unix listener says -EAGAIN too; nothing tells when to retry.)
[[nodiscard]] inline bool waits_for_readiness(const io_request& request) noexcept {
    switch (request.opcode) {
    case io_opcode::read:
    case io_opcode::readv:
    case io_opcode::write:
    case io_opcode::writev: return (request.flags & RWF_NOWAIT) == 0;
    case io_opcode::recv:
    case io_opcode::recvmsg:
    case io_opcode::send:
    case io_opcode::sendmsg: return (request.flags & MSG_DONTWAIT) == 0;
    case io_opcode::accept: return true;
    case io_opcode::splice: return (request.flags & SPLICE_F_NONBLOCK) == 0;
    default: return false;
    }
}

struct awaited_readiness {
    int fd;
    unsigned events; // as for poll()
};

/// Returns what makes the operation worth another try.
[[nodiscard]] inline awaited_readiness awaited(const io_request& request) noexcept {
    switch (request.opcode) {
    case io_opcode::read:
    case io_opcode::readv:
    case io_opcode::recv:
    case io_opcode::recvmsg:
    case io_opcode::accept: return {request.fd, POLLIN | POLLRDHUP};
    case io_opcode::poll: return {request.fd, request.flags};
    case io_opcode::splice: {
        pollfd source{request.other_fd, POLLIN, 0};
        if (::poll(&source, 1, 0) == 0) return {request.other_fd, POLLIN | POLLRDHUP};
        return {request.fd, POLLOUT};
    }
    default: return {request.fd, POLLOUT};
    }
}

} // namespace coir::detail
