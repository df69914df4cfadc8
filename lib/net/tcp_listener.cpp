// SPDX-License-Identifier: MIT
#include "net/socket.hpp"

#include <coir/net/resolve.hpp>
#include <coir/net/tcp.hpp>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <string>

namespace coir {
namespace {

std::error_code set_option(int fd, int level, int name, bool on) {
    const int value = on ? 1 : 0;
    if (::setsockopt(fd, level, name, &value, sizeof value) == 0) return {};
    return {errno, std::system_category()};
}

std::error_code listen_on(int fd, const endpoint& where, const listen_options& options) {
    std::error_code error = set_option(fd, SOL_SOCKET, SO_REUSEADDR, options.reuse_address);
    if (!error && options.reuse_port) error = set_option(fd, SOL_SOCKET, SO_REUSEPORT, true);
    if (!error && where.is_v6()) error = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, options.v6_only);
    if (error) return error;
    const auto* const address = static_cast<const sockaddr*>(where.native());
    if (::bind(fd, address, where.native_size()) != 0 || ::listen(fd, options.backlog) != 0) {
        return {errno, std::system_category()};
    }
    return {};
}

// All interfaces: IPv6, which takes IPv4 too, or IPv4 where there is no IPv6.
std::vector<endpoint> places_for(const std::string& host, std::uint16_t port,
                                 std::error_code& error) {
    if (!host.empty()) return resolve(host, port, error);
    error.clear();
    return {endpoint{"::", port}, endpoint{"0.0.0.0", port}};
}

// Errors of the connection that was about to be accepted, not of the listener (accept(2)).
bool is_passing(int failure) {
    switch (failure) {
    case ECONNABORTED:
    case EINTR:
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case ENETUNREACH: return true;
    default: return false;
    }
}

} // namespace

tcp_listener::tcp_listener(detail::descriptor_pointer open) noexcept
    : descriptor_{std::move(open)} {}

tcp_listener tcp_listener::bind(const std::string& host, std::uint16_t port,
                                const listen_options& options, std::error_code& error) {
    for (const endpoint& where : places_for(host, port, error)) {
        detail::descriptor_pointer socket = detail::open_tcp_socket(where, error);
        if (socket == nullptr) continue;
        error = listen_on(socket->fd(), where, options);
        if (!error) return tcp_listener{std::move(socket)};
    }
    return {};
}

tcp_listener tcp_listener::bind(const std::string& host, std::uint16_t port,
                                const listen_options& options) {
    std::error_code error;
    tcp_listener listener = bind(host, port, options, error);
    if (error) throw std::system_error{error, "bind " + host + ":" + std::to_string(port)};
    return listener;
}

// A listener without O_NONBLOCK would wait where somebody else was faster.
int tcp_listener::accept_now(int fd, endpoint& peer) noexcept {
    const int flags = ::fcntl(fd, F_GETFL);
    if ((flags & O_NONBLOCK) == 0) ::fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    const int result = ::accept4(fd, reinterpret_cast<sockaddr*>(&address), &size,
                                 detail::accepted_socket_flags());
    if (result < 0) {
        const int failure = errno;
        return is_passing(failure) ? -EAGAIN : -failure;
    }
    peer = endpoint::from_native(&address, sizeof address);
    return result;
}

tcp_stream tcp_listener::accepted(int result, const endpoint& peer) {
    detail::throw_if_failed(result, "accept");
    detail::descriptor_pointer socket{new detail::descriptor{result}};
    return tcp_stream{std::move(socket), peer};
}

tcp_stream tcp_listener::accept(std::error_code& error) {
    if (descriptor_ == nullptr) {
        error = detail::error_from(-EBADF);
        return {};
    }
    sockaddr_storage peer{};
    int result = 0;
    do {
        socklen_t size = sizeof peer;
        result = detail::perform(detail::request::accept(descriptor_->fd(),
                                                         reinterpret_cast<sockaddr*>(&peer), &size,
                                                         detail::accepted_socket_flags()),
                                 descriptor_.get());
    } while (result < 0 && is_passing(-result));
    if (result < 0) {
        error = detail::error_from(result);
        return {};
    }
    error.clear();
    detail::descriptor_pointer socket{new detail::descriptor{result}};
    return tcp_stream{std::move(socket), endpoint::from_native(&peer, sizeof peer)};
}

tcp_stream tcp_listener::accept() {
    std::error_code error;
    tcp_stream stream = accept(error);
    if (error) throw std::system_error{error, "accept"};
    return stream;
}

void tcp_listener::close() noexcept {
    if (descriptor_ != nullptr) descriptor_->close();
}

bool tcp_listener::is_open() const noexcept { return native_handle() >= 0; }

int tcp_listener::native_handle() const noexcept {
    return descriptor_ != nullptr && !descriptor_->closing() ? descriptor_->fd() : -1;
}

endpoint tcp_listener::local_endpoint() const {
    return detail::endpoint_of(native_handle(), detail::socket_end::local);
}

} // namespace coir
