// SPDX-License-Identifier: MIT
#include "net/accept.hpp"

#include <coir/detail/scheduling_point.hpp>
#include <coir/net/tcp.hpp>

namespace coir {

tcp_listener::tcp_listener(detail::descriptor_pointer open, const endpoint& local) noexcept
    : descriptor_handle{std::move(open)}, local_{local} {}

tcp_listener tcp_listener::bind(const std::string& host, std::uint16_t port,
                                const listen_options& options, std::error_code& error) {
    detail::scheduling_point(detail::step::listen);
    for (const endpoint& where : detail::places_for(host, port, error)) {
        detail::descriptor_pointer socket =
            detail::open_socket(detail::family_of(where), SOCK_STREAM, error);
        if (socket == nullptr) continue;
        error = detail::bind_socket(socket->fd(), where, options);
        if (error) continue;
        error = detail::listen_at(socket->fd(), options.backlog);
        if (error) continue;
        const endpoint local = detail::endpoint_of(socket.get(), detail::socket_end::local, error);
        return tcp_listener{std::move(socket), local};
    }
    return {};
}

tcp_listener tcp_listener::bind(const std::string& host, std::uint16_t port,
                                std::error_code& error) {
    return bind(host, port, {}, error);
}

tcp_listener tcp_listener::bind(const std::string& host, std::uint16_t port,
                                const listen_options& options) {
    std::error_code error;
    tcp_listener listener = bind(host, port, options, error);
    if (error) throw std::system_error{error, "bind " + host + ":" + std::to_string(port)};
    return listener;
}

int tcp_listener::accept_now(int fd, endpoint& peer) noexcept {
    sockaddr_storage address{};
    const int result = detail::accept_attempt(fd, &address);
    if (result >= 0) peer = detail::plain_endpoint(address);
    return result;
}

tcp_stream tcp_listener::accepted(int result, const endpoint& peer, const endpoint& local) {
    if (result < 0) {
        throw std::system_error{detail::error_from(result), "accept " + local.to_string()};
    }
    return tcp_stream{detail::adopt(result), peer};
}

tcp_stream tcp_listener::accept(std::error_code& error) {
    sockaddr_storage peer{};
    const int result = detail::accept_waiting(descriptor_.get(), &peer);
    if (result < 0) {
        error = detail::error_from(result);
        return {};
    }
    error.clear();
    detail::descriptor_pointer socket = detail::adopt(result);
    return tcp_stream{std::move(socket), detail::plain_endpoint(peer)};
}

tcp_stream tcp_listener::accept() {
    std::error_code error;
    tcp_stream stream = accept(error);
    if (error) throw std::system_error{error, "accept " + local_.to_string()};
    return stream;
}

endpoint tcp_listener::local_endpoint(std::error_code& error) const {
    error = is_open() ? std::error_code{} : detail::error_from(-EBADF);
    return local_;
}

endpoint tcp_listener::local_endpoint() const {
    std::error_code error;
    const endpoint local = local_endpoint(error);
    if (error) throw std::system_error{error, "local_endpoint " + local.to_string()};
    return local;
}

} // namespace coir
