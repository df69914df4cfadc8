// SPDX-License-Identifier: MIT
#include "io/parts.hpp"
#include "net/socket.hpp"

#include <coir/detail/scheduling_point.hpp>
#include <coir/detail/socket_stream.hpp>

#include <algorithm>

namespace coir::detail {
namespace {

// Nearly always there is room in the socket's buffer: then one system call and no wait.
int send_at_once(descriptor& socket, const void* data, std::size_t size) {
    const descriptor::use held{socket};
    if (!held) return -EBADF;
    const ssize_t sent = ::send(socket.fd(), data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    return sent >= 0 ? static_cast<int>(sent) : -errno; // no park since: errno is this thread's
}

} // namespace

std::size_t socket_receive(descriptor* socket, io::buffer into, std::error_code& error) {
    if (socket == nullptr) return count_or_error(-EBADF, error);
    scheduling_point(step::read, socket);
    // recv() of nothing would wait for something.
    if (into.size() == 0) return count_or_error(socket->closing() ? -EBADF : 0, error);
    const std::size_t size = std::min(into.size(), most_bytes_at_once);
    return count_or_error(perform(request::recv(socket->fd(), into.data(), size), socket), error);
}

std::size_t socket_send(descriptor* socket, io::bytes data, std::error_code& error) {
    if (socket == nullptr) return count_or_error(-EBADF, error);
    const bool simulated = scheduling_point(step::write, socket);
    if (data.size() == 0) return count_or_error(socket->closing() ? -EBADF : 0, error);
    const std::size_t size = std::min(data.size(), most_bytes_at_once);
    if (!simulated) [[likely]] {
        const int sent = send_at_once(*socket, data.data(), size);
        if (sent != -EAGAIN && sent != -EINTR) return count_or_error(sent, error);
    }
    return count_or_error(perform(request::send(socket->fd(), data.data(), size), socket), error);
}

namespace {

// A simulation's sockets take one buffer at a time.
bool wants_one(descriptor* socket, const io_parts& parts) noexcept {
    return socket == nullptr || parts.count() <= 1 || is_simulated(socket->fd());
}

msghdr message_of(io_parts& parts) noexcept {
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.count();
    return message;
}

int send_parts_at_once(descriptor& socket, const msghdr& message) {
    const descriptor::use held{socket};
    if (!held) return -EBADF;
    const ssize_t sent = ::sendmsg(socket.fd(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    return sent >= 0 ? static_cast<int>(sent) : -errno; // no park since: errno is this thread's
}

} // namespace

std::size_t socket_receive_parts(descriptor* socket, std::span<const io::buffer> into,
                                 std::error_code& error) {
    io_parts parts{into};
    const iovec first = parts.first();
    if (wants_one(socket, parts)) {
        return socket_receive(socket, {first.iov_base, first.iov_len}, error);
    }
    scheduling_point(step::read, socket);
    msghdr message = message_of(parts);
    return count_or_error(perform(request::recvmsg(socket->fd(), &message), socket), error);
}

std::size_t socket_send_parts(descriptor* socket, std::span<const io::bytes> parts,
                              std::size_t skip, std::error_code& error) {
    io_parts rest{parts, skip};
    const iovec first = rest.first();
    if (wants_one(socket, rest)) {
        return socket_send(socket, {first.iov_base, first.iov_len}, error);
    }
    const msghdr message = message_of(rest);
    const int sent = send_parts_at_once(*socket, message);
    if (sent != -EAGAIN && sent != -EINTR) return count_or_error(sent, error);
    return count_or_error(perform(request::sendmsg(socket->fd(), &message), socket), error);
}

void socket_shutdown_write(descriptor* socket, std::error_code& error) {
    scheduling_point(step::shutdown, socket);
    error = with_descriptor(socket, [](int fd) {
        if (!is_simulated(fd)) return ::shutdown(fd, SHUT_WR);
        return as_system_call(ask_simulation(
            [fd](simulated_sockets& sockets) { return sockets.shutdown_write(fd); }));
    });
}

} // namespace coir::detail
