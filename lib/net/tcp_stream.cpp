// SPDX-License-Identifier: MIT
#include "net/connect.hpp"
#include "net/socket.hpp"

#include <coir/net/resolve.hpp>
#include <coir/net/tcp.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace coir {
namespace {

int seconds_of(std::chrono::seconds span) noexcept {
    constexpr std::chrono::seconds::rep most = 32'767; // TCP_KEEPIDLE and its like
    return static_cast<int>(std::clamp<std::chrono::seconds::rep>(span.count(), 0, most));
}

} // namespace

tcp_stream::tcp_stream(detail::descriptor_pointer open, const endpoint& peer) noexcept
    : socket_stream{std::move(open)}, peer_{peer} {}

tcp_stream tcp_stream::connect(const endpoint& peer, std::error_code& error) {
    detail::connect_result made = detail::connect_one(peer);
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
    detail::connect_result made = detail::connect_first(std::move(peers));
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

endpoint tcp_stream::local_endpoint(std::error_code& error) const {
    return detail::endpoint_of(descriptor_.get(), detail::socket_end::local, error);
}

endpoint tcp_stream::local_endpoint() const {
    std::error_code error;
    const endpoint local = local_endpoint(error);
    detail::throw_if(error, describe("local_endpoint"));
    return local;
}

endpoint tcp_stream::remote_endpoint(std::error_code& error) const {
    error = is_open() ? std::error_code{} : detail::error_from(-EBADF);
    return peer_;
}

endpoint tcp_stream::remote_endpoint() const {
    std::error_code error;
    const endpoint remote = remote_endpoint(error);
    detail::throw_if(error, describe("remote_endpoint"));
    return remote;
}

void tcp_stream::set_no_delay(bool on, std::error_code& error) {
    const int value = on ? 1 : 0;
    error = detail::with_descriptor(descriptor_.get(), [&](int fd) {
        return detail::set_socket_option(fd, IPPROTO_TCP, TCP_NODELAY, &value, sizeof value);
    });
}

void tcp_stream::set_no_delay(bool on) {
    std::error_code error;
    set_no_delay(on, error);
    detail::throw_if(error, describe("set_no_delay"));
}

void tcp_stream::set_keep_alive(bool on, std::error_code& error) {
    const int value = on ? 1 : 0;
    error = detail::with_descriptor(descriptor_.get(), [&](int fd) {
        return detail::set_socket_option(fd, SOL_SOCKET, SO_KEEPALIVE, &value, sizeof value);
    });
}

void tcp_stream::set_keep_alive(bool on) {
    std::error_code error;
    set_keep_alive(on, error);
    detail::throw_if(error, describe("set_keep_alive"));
}

void tcp_stream::set_keep_alive(const keep_alive_options& options, std::error_code& error) {
    const std::array<std::pair<int, int>, 3> values{{
        {TCP_KEEPIDLE, seconds_of(options.idle)},
        {TCP_KEEPINTVL, seconds_of(options.interval)},
        {TCP_KEEPCNT, options.count},
    }};
    set_keep_alive(true, error);
    for (const auto& option : values) {
        if (error || option.second == 0) continue;
        error = detail::with_descriptor(descriptor_.get(), [&option](int fd) {
            return detail::set_socket_option(fd, IPPROTO_TCP, option.first, &option.second,
                                             sizeof(int));
        });
    }
}

void tcp_stream::set_keep_alive(const keep_alive_options& options) {
    std::error_code error;
    set_keep_alive(options, error);
    detail::throw_if(error, describe("set_keep_alive"));
}

void tcp_stream::set_linger(std::optional<std::chrono::seconds> limit, std::error_code& error) {
    const linger value{limit ? 1 : 0, limit ? seconds_of(*limit) : 0};
    error = detail::with_descriptor(descriptor_.get(), [&](int fd) {
        return detail::set_socket_option(fd, SOL_SOCKET, SO_LINGER, &value, sizeof value);
    });
}

void tcp_stream::set_linger(std::optional<std::chrono::seconds> limit) {
    std::error_code error;
    set_linger(limit, error);
    detail::throw_if(error, describe("set_linger"));
}

std::string tcp_stream::describe(const char* verb) const {
    return std::string{verb} + " " + peer_.to_string();
}

} // namespace coir
