// SPDX-License-Identifier: MIT
#include "net/socket.hpp"

#include <coir/net/resolve.hpp>
#include <coir/net/udp.hpp>

#include <net/if.h>
#include <netinet/in.h>

#include <cstring>

namespace coir {
namespace {

std::string address_text(const std::string& host, std::uint16_t port) {
    return host + ":" + std::to_string(port);
}

constexpr std::size_t largest_datagram = 65'535;

int change_membership(int fd, const endpoint& group, unsigned interface, bool join) noexcept {
    if (group.is_v6()) {
        sockaddr_in6 address{};
        std::memcpy(&address, group.native(), sizeof address);
        const ipv6_mreq wanted{address.sin6_addr, interface};
        const int name = join ? IPV6_JOIN_GROUP : IPV6_LEAVE_GROUP;
        return ::setsockopt(fd, IPPROTO_IPV6, name, &wanted, sizeof wanted);
    }
    sockaddr_in address{};
    std::memcpy(&address, group.native(), sizeof address);
    ip_mreqn wanted{};
    wanted.imr_multiaddr = address.sin_addr;
    wanted.imr_ifindex = static_cast<int>(interface);
    const int name = join ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP;
    return ::setsockopt(fd, IPPROTO_IP, name, &wanted, sizeof wanted);
}

void set_membership(detail::descriptor* socket, const std::string& group,
                    const std::string& interface, bool join, std::error_code& error) {
    endpoint address;
    try {
        address = endpoint{group, 0};
    } catch (const std::invalid_argument&) {
        error = std::make_error_code(std::errc::invalid_argument);
        return;
    }
    const unsigned index = interface.empty() ? 0 : ::if_nametoindex(interface.c_str());
    if (!interface.empty() && index == 0) {
        error = std::make_error_code(std::errc::no_such_device);
        return;
    }
    error = detail::with_descriptor(
        socket, [&](int fd) { return change_membership(fd, address, index, join); });
}

} // namespace

udp_socket::udp_socket(detail::descriptor_pointer open, bool v6) noexcept
    : descriptor_handle{std::move(open)}, is_v6_{v6} {}

// --- Making ---------------------------------------------------------------------------------

udp_socket udp_socket::bind(const std::string& host, std::uint16_t port,
                            const listen_options& options, std::error_code& error) {
    for (const endpoint& where : detail::places_for(host, port, error)) {
        detail::descriptor_pointer socket =
            detail::open_socket(detail::family_of(where), SOCK_DGRAM, error);
        if (socket == nullptr) continue;
        error = detail::bind_socket(socket->fd(), where, options);
        if (!error) return udp_socket{std::move(socket), where.is_v6()};
    }
    return {};
}

udp_socket udp_socket::bind(const std::string& host, std::uint16_t port,
                            const listen_options& options) {
    std::error_code error;
    udp_socket socket = bind(host, port, options, error);
    detail::throw_if(error, "bind " + address_text(host, port));
    return socket;
}

udp_socket udp_socket::bind(const std::string& host, std::uint16_t port, std::error_code& error) {
    // For datagrams SO_REUSEADDR would let two sockets have one address.
    return bind(host, port, {.reuse_address = false}, error);
}

udp_socket udp_socket::bind(const std::string& host, std::uint16_t port) {
    return bind(host, port, {.reuse_address = false});
}

udp_socket udp_socket::connect(const endpoint& peer, std::error_code& error) {
    detail::descriptor_pointer socket =
        detail::open_socket(detail::family_of(peer), SOCK_DGRAM, error);
    if (socket == nullptr) return {};
    const auto* const address = static_cast<const sockaddr*>(peer.native());
    if (::connect(socket->fd(), address, peer.native_size()) != 0) {
        error = {errno, std::system_category()};
        return {};
    }
    return udp_socket{std::move(socket), peer.is_v6()};
}

udp_socket udp_socket::connect(const endpoint& peer) {
    std::error_code error;
    udp_socket socket = connect(peer, error);
    detail::throw_if(error, "connect " + peer.to_string());
    return socket;
}

udp_socket udp_socket::connect(const std::string& host, std::uint16_t port,
                               std::error_code& error) {
    udp_socket socket;
    for (const endpoint& peer : resolve(host, port, error)) {
        socket = connect(peer, error);
        if (!error) break;
    }
    return socket;
}

udp_socket udp_socket::connect(const std::string& host, std::uint16_t port) {
    std::error_code error;
    udp_socket socket = connect(host, port, error);
    detail::throw_if(error, "connect " + address_text(host, port));
    return socket;
}

// --- Datagrams ------------------------------------------------------------------------------

std::size_t udp_socket::send(io::bytes data, std::error_code& error) {
    if (descriptor_ == nullptr) return detail::count_or_error(-EBADF, error);
    if (data.size() > largest_datagram) return detail::count_or_error(-EMSGSIZE, error);
    const auto what = detail::request::send(descriptor_->fd(), data.data(), data.size());
    return detail::count_or_error(detail::perform(what, descriptor_.get()), error);
}

std::size_t udp_socket::send(io::bytes data) {
    std::error_code error;
    const std::size_t sent = send(data, error);
    detail::throw_if(error, "send");
    return sent;
}

std::size_t udp_socket::send_to(io::bytes data, const endpoint& to, std::error_code& error) {
    if (descriptor_ == nullptr) return detail::count_or_error(-EBADF, error);
    const endpoint target = is_v6_ && !to.is_v6() ? detail::mapped_endpoint(to) : to;
    iovec part{const_cast<void*>(data.data()), data.size()};
    msghdr message{};
    message.msg_name = const_cast<void*>(target.native());
    message.msg_namelen = target.native_size();
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    const auto what = detail::request::sendmsg(descriptor_->fd(), &message);
    return detail::count_or_error(detail::perform(what, descriptor_.get()), error);
}

std::size_t udp_socket::send_to(io::bytes data, const endpoint& to) {
    std::error_code error;
    const std::size_t sent = send_to(data, to, error);
    detail::throw_if(error, "send_to " + to.to_string());
    return sent;
}

std::pair<std::size_t, endpoint> udp_socket::receive_from(io::buffer into, std::error_code& error) {
    if (descriptor_ == nullptr) return {detail::count_or_error(-EBADF, error), {}};
    sockaddr_storage from{};
    iovec part{into.data(), into.size()};
    msghdr message{};
    message.msg_name = &from;
    message.msg_namelen = sizeof from;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    const auto what = detail::request::recvmsg(descriptor_->fd(), &message);
    const int result = detail::perform(what, descriptor_.get());
    if (result < 0) return {detail::count_or_error(result, error), {}};
    const bool cut = (message.msg_flags & MSG_TRUNC) != 0;
    const std::size_t size = detail::count_or_error(cut ? -EMSGSIZE : result, error);
    return {size, detail::plain_endpoint(from)};
}

std::pair<std::size_t, endpoint> udp_socket::receive_from(io::buffer into) {
    std::error_code error;
    auto received = receive_from(into, error);
    detail::throw_if(error, "receive_from");
    return received;
}

std::size_t udp_socket::receive(io::buffer into, std::error_code& error) {
    return receive_from(into, error).first;
}

std::size_t udp_socket::receive(io::buffer into) {
    std::error_code error;
    const std::size_t received = receive(into, error);
    detail::throw_if(error, "receive");
    return received;
}

// --- Options and addresses ------------------------------------------------------------------

void udp_socket::join_multicast(const std::string& group, const std::string& interface,
                                std::error_code& error) {
    set_membership(descriptor_.get(), group, interface, true, error);
}

void udp_socket::join_multicast(const std::string& group, const std::string& interface) {
    std::error_code error;
    join_multicast(group, interface, error);
    detail::throw_if(error, "join_multicast " + group);
}

void udp_socket::leave_multicast(const std::string& group, const std::string& interface,
                                 std::error_code& error) {
    set_membership(descriptor_.get(), group, interface, false, error);
}

void udp_socket::leave_multicast(const std::string& group, const std::string& interface) {
    std::error_code error;
    leave_multicast(group, interface, error);
    detail::throw_if(error, "leave_multicast " + group);
}

void udp_socket::set_broadcast(bool on, std::error_code& error) {
    const int value = on ? 1 : 0;
    error = detail::with_descriptor(descriptor_.get(), [&](int fd) {
        return ::setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &value, sizeof value);
    });
}

void udp_socket::set_broadcast(bool on) {
    std::error_code error;
    set_broadcast(on, error);
    detail::throw_if(error, "set_broadcast");
}

endpoint udp_socket::local_endpoint(std::error_code& error) const {
    return detail::endpoint_of(descriptor_.get(), detail::socket_end::local, error);
}

endpoint udp_socket::local_endpoint() const {
    std::error_code error;
    const endpoint local = local_endpoint(error);
    detail::throw_if(error, "local_endpoint");
    return local;
}

endpoint udp_socket::remote_endpoint(std::error_code& error) const {
    return detail::endpoint_of(descriptor_.get(), detail::socket_end::remote, error);
}

endpoint udp_socket::remote_endpoint() const {
    std::error_code error;
    const endpoint remote = remote_endpoint(error);
    detail::throw_if(error, "remote_endpoint");
    return remote;
}

} // namespace coir
