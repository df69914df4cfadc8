// SPDX-License-Identifier: MIT
#include "net/connect.hpp"
#include "net/socket.hpp"

#include <coir/net/resolve.hpp>
#include <coir/net/tcp.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace coir {
namespace {

// Nearly always there is room in the socket's buffer: then one system call and no wait.
int send_at_once(detail::descriptor& socket, const void* data, std::size_t size) {
    const detail::descriptor::use held{socket};
    if (!held) return -EBADF;
    const ssize_t sent = ::send(socket.fd(), data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    return sent >= 0 ? static_cast<int>(sent) : -errno; // no park since: errno is this thread's
}

template <typename Call>
std::error_code with_descriptor(const detail::descriptor_pointer& socket, Call&& call) {
    if (socket == nullptr) return detail::error_from(-EBADF);
    const detail::descriptor::use held{*socket};
    if (!held) return detail::error_from(-EBADF);
    if (call(socket->fd()) == 0) return {};
    return {errno, std::system_category()};
}

} // namespace

tcp_stream::tcp_stream(detail::descriptor_pointer open, const endpoint& peer) noexcept
    : descriptor_{std::move(open)}, peer_{peer} {}

tcp_stream tcp_stream::connect(const endpoint& peer, std::error_code& error) {
    detail::connection made = detail::connect_one(peer);
    error = made.error;
    return made.socket != nullptr ? tcp_stream{std::move(made.socket), made.peer} : tcp_stream{};
}

tcp_stream tcp_stream::connect(const endpoint& peer) {
    std::error_code error;
    tcp_stream stream = connect(peer, error);
    if (error) throw std::system_error{error, "connect " + peer.to_string()};
    return stream;
}

tcp_stream tcp_stream::connect(const std::string& host, std::uint16_t port,
                               std::error_code& error) {
    std::vector<endpoint> peers = resolve(host, port, error);
    if (error) return {};
    detail::connection made = detail::connect_first(std::move(peers));
    error = made.error;
    return made.socket != nullptr ? tcp_stream{std::move(made.socket), made.peer} : tcp_stream{};
}

tcp_stream tcp_stream::connect(const std::string& host, std::uint16_t port) {
    std::error_code error;
    tcp_stream stream = connect(host, port, error);
    if (!error) return stream;
    const bool by_name = error.category() == resolve_category();
    const std::string where =
        by_name ? "resolve " + host : "connect " + host + ":" + std::to_string(port);
    throw std::system_error{error, where};
}

std::size_t tcp_stream::read_some(io::buffer into, std::error_code& error) {
    if (descriptor_ == nullptr) return detail::count_or_error(-EBADF, error);
    const std::size_t size = std::min(into.size(), detail::most_bytes_at_once);
    return detail::count_or_error(
        detail::perform(detail::request::recv(descriptor_->fd(), into.data(), size),
                        descriptor_.get()),
        error);
}

std::size_t tcp_stream::write_some(io::bytes data, std::error_code& error) {
    if (descriptor_ == nullptr) return detail::count_or_error(-EBADF, error);
    if (data.size() == 0) return detail::count_or_error(0, error);
    const std::size_t size = std::min(data.size(), detail::most_bytes_at_once);
    const int sent = send_at_once(*descriptor_, data.data(), size);
    if (sent != -EAGAIN && sent != -EINTR) return detail::count_or_error(sent, error);
    return detail::count_or_error(
        detail::perform(detail::request::send(descriptor_->fd(), data.data(), size),
                        descriptor_.get()),
        error);
}

void tcp_stream::shutdown_write(std::error_code& error) {
    error = with_descriptor(descriptor_, [](int fd) { return ::shutdown(fd, SHUT_WR); });
}

void tcp_stream::shutdown_write() {
    std::error_code error;
    shutdown_write(error);
    if (error) throw std::system_error{error, describe("shutdown")};
}

void tcp_stream::close() noexcept {
    if (descriptor_ != nullptr) descriptor_->close();
}

bool tcp_stream::is_open() const noexcept { return native_handle() >= 0; }

int tcp_stream::native_handle() const noexcept {
    return descriptor_ != nullptr && !descriptor_->closing() ? descriptor_->fd() : -1;
}

endpoint tcp_stream::local_endpoint() const {
    return detail::endpoint_of(native_handle(), detail::socket_end::local);
}

endpoint tcp_stream::remote_endpoint() const {
    if (!is_open()) throw std::system_error{detail::error_from(-EBADF), "remote_endpoint"};
    return peer_;
}

void tcp_stream::set_no_delay(bool on) {
    const int value = on ? 1 : 0;
    const std::error_code error = with_descriptor(descriptor_, [&](int fd) {
        return ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, sizeof value);
    });
    if (error) throw std::system_error{error, describe("set_no_delay")};
}

std::string tcp_stream::describe(const char* verb) const {
    return std::string{verb} + " " + peer_.to_string();
}

} // namespace coir
