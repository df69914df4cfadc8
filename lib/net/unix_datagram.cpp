// SPDX-License-Identifier: MIT
#include "net/socket.hpp"
#include "net/unix_address.hpp"
#include "net/unix_bind.hpp"

#include <coir/net/unix_datagram.hpp>
#include <coir/time.hpp>

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace coir {
namespace {

std::error_code last_error() noexcept { return {errno, std::system_category()}; }

// An address that is nothing but its family: some free name of the abstract namespace (unix(7)).
std::error_code bind_anywhere(int fd) noexcept {
    sockaddr_un unnamed{};
    unnamed.sun_family = AF_UNIX;
    const auto* const plain = reinterpret_cast<const sockaddr*>(&unnamed);
    return ::bind(fd, plain, sizeof unnamed.sun_family) == 0 ? std::error_code{} : last_error();
}

std::string own_path(int fd) {
    detail::unix_address own;
    own.size = sizeof own.native;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&own.native), &own.size) != 0) return {};
    return detail::unix_path_in(own);
}

// All attempts are ours: io_uring (at least to 6.18) sends an empty datagram when it tries again
// for a queue that was full, because the first attempt has consumed the data.
int send_message(detail::descriptor* socket, const msghdr& message) {
    using namespace std::chrono_literals;
    const detail::descriptor::use held{*socket};
    if (!held) return -EBADF;
    for (auto pause = 1ms;; pause = std::min(pause * 2, 50ms)) {
        const ssize_t sent = ::sendmsg(socket->fd(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent >= 0) return static_cast<int>(sent);
        const int error = errno; // no park since: it is this thread's
        if (error == EINTR) continue;
        if (error != EAGAIN) return -error;
        if (message.msg_name == nullptr) {
            const int ready = detail::perform(detail::request::poll(socket->fd(), POLLOUT), socket);
            if (ready < 0 && ready != -EBADF) return ready;
        } else {
            // Nothing tells when there is room in a queue, but for that of the connected peer.
            sleep_for(pause);
        }
        if (socket->closing()) return -ECANCELED;
    }
}

} // namespace

unix_datagram::unix_datagram(detail::descriptor_pointer open, std::string path) noexcept
    : descriptor_handle{std::move(open)}, path_{std::move(path)} {}

// --- Making ---------------------------------------------------------------------------------

unix_datagram unix_datagram::bind(const std::string& path, const unix_datagram_options& options,
                                  std::error_code& error) {
    const detail::unix_address address = detail::unix_address_of(path, error);
    if (error) return {};
    detail::descriptor_pointer socket = detail::open_socket(AF_UNIX, SOCK_DGRAM, error);
    if (socket == nullptr) return {};
    error = detail::bind_unix(socket->fd(), SOCK_DGRAM, path, address, 0, options.replace_stale);
    if (error) return {};
    unix_datagram made{std::move(socket), path};
    made.file_ = detail::socket_file{path};
    return made;
}

unix_datagram unix_datagram::bind(const std::string& path, const unix_datagram_options& options) {
    std::error_code error;
    unix_datagram socket = bind(path, options, error);
    detail::throw_if(error, "bind " + detail::unix_path_text(path));
    return socket;
}

unix_datagram unix_datagram::bind(const std::string& path, std::error_code& error) {
    return bind(path, {}, error);
}

unix_datagram unix_datagram::bind(std::error_code& error) {
    detail::descriptor_pointer socket = detail::open_socket(AF_UNIX, SOCK_DGRAM, error);
    if (socket == nullptr) return {};
    error = bind_anywhere(socket->fd());
    if (error) return {};
    std::string path = own_path(socket->fd());
    return unix_datagram{std::move(socket), std::move(path)};
}

unix_datagram unix_datagram::bind() {
    std::error_code error;
    unix_datagram socket = bind(error);
    detail::throw_if(error, "bind");
    return socket;
}

unix_datagram unix_datagram::connect(const std::string& path, std::error_code& error) {
    const detail::unix_address address = detail::unix_address_of(path, error);
    if (error) return {};
    unix_datagram socket = bind(error);
    if (error) return {};
    if (::connect(socket.native_handle(), address.plain(), address.size) == 0) return socket;
    error = last_error();
    return {};
}

unix_datagram unix_datagram::connect(const std::string& path) {
    std::error_code error;
    unix_datagram socket = connect(path, error);
    detail::throw_if(error, "connect " + detail::unix_path_text(path));
    return socket;
}

void unix_datagram::close() noexcept {
    file_.remove();
    descriptor_handle::close();
}

// --- Datagrams ------------------------------------------------------------------------------

std::size_t unix_datagram::send(io::bytes data, std::error_code& error) {
    if (descriptor_ == nullptr) return detail::count_or_error(-EBADF, error);
    iovec part{const_cast<void*>(data.data()), data.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    return detail::count_or_error(send_message(descriptor_.get(), message), error);
}

std::size_t unix_datagram::send(io::bytes data) {
    std::error_code error;
    const std::size_t sent = send(data, error);
    detail::throw_if(error, "send");
    return sent;
}

std::size_t unix_datagram::send_to(io::bytes data, const std::string& to, std::error_code& error) {
    if (descriptor_ == nullptr) return detail::count_or_error(-EBADF, error);
    detail::unix_address address = detail::unix_address_of(to, error);
    if (error) return 0;
    iovec part{const_cast<void*>(data.data()), data.size()};
    msghdr message{};
    message.msg_name = &address.native;
    message.msg_namelen = address.size;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    return detail::count_or_error(send_message(descriptor_.get(), message), error);
}

std::size_t unix_datagram::send_to(io::bytes data, const std::string& to) {
    std::error_code error;
    const std::size_t sent = send_to(data, to, error);
    detail::throw_if(error, "send_to " + detail::unix_path_text(to));
    return sent;
}

std::pair<std::size_t, std::string> unix_datagram::receive_from(io::buffer into,
                                                                std::error_code& error) {
    if (descriptor_ == nullptr) return {detail::count_or_error(-EBADF, error), {}};
    detail::unix_address from;
    iovec part{into.data(), into.size()};
    msghdr message{};
    message.msg_name = &from.native;
    message.msg_namelen = sizeof from.native;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    const auto what = detail::request::recvmsg(descriptor_->fd(), &message);
    const int result = detail::perform(what, descriptor_.get());
    if (result < 0) return {detail::count_or_error(result, error), {}};
    from.size = message.msg_namelen;
    const bool cut = (message.msg_flags & MSG_TRUNC) != 0;
    const std::size_t size = detail::count_or_error(cut ? -EMSGSIZE : result, error);
    return {size, detail::unix_path_in(from)};
}

std::pair<std::size_t, std::string> unix_datagram::receive_from(io::buffer into) {
    std::error_code error;
    auto received = receive_from(into, error);
    detail::throw_if(error, "receive_from");
    return received;
}

std::size_t unix_datagram::receive(io::buffer into, std::error_code& error) {
    return receive_from(into, error).first;
}

std::size_t unix_datagram::receive(io::buffer into) {
    std::error_code error;
    const std::size_t received = receive(into, error);
    detail::throw_if(error, "receive");
    return received;
}

} // namespace coir
