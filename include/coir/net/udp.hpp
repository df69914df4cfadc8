// SPDX-License-Identifier: MIT
#pragma once
// Owns UDP.

#include <coir/detail/config.hpp>
#include <coir/detail/descriptor.hpp>
#include <coir/detail/io_case.hpp>
#include <coir/io/bytes.hpp>
#include <coir/net/endpoint.hpp>
#include <coir/net/listen_options.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <system_error>
#include <utility>

namespace coir {

/// A UDP socket: bound, to talk to anybody, or connected, to talk to one peer. A default-made one
/// is closed; it closes itself at the end of its life. Every operation parks the coroutine, is
/// cancellable, and has a twin that takes a std::error_code&. Any number of coroutines may use it
/// at once; each datagram goes to one of them.
///
///     auto s = coir::udp_socket::bind("127.0.0.1", 0);
///     auto [size, from] = s.receive_from(buffer);
///     s.send_to("pong", from);
class COIR_API udp_socket : public detail::descriptor_handle {
public:
    udp_socket() noexcept = default;

    /// Binds to `host` (a name or numeric address; empty: all interfaces). Port 0 lets the kernel
    /// choose. `backlog` has no meaning here, and unlike for a listener the address is shared only
    /// if the options are given that say so.
    [[nodiscard]] static udp_socket bind(const std::string& host, std::uint16_t port);
    [[nodiscard]] static udp_socket bind(const std::string& host, std::uint16_t port,
                                         std::error_code& error);
    [[nodiscard]] static udp_socket bind(const std::string& host, std::uint16_t port,
                                         const listen_options& options);
    [[nodiscard]] static udp_socket bind(const std::string& host, std::uint16_t port,
                                         const listen_options& options, std::error_code& error);

    /// Resolves `host` and takes its first address to which there is a route. Nothing is sent: that
    /// nobody listens shows later, as connection_refused.
    [[nodiscard]] static udp_socket connect(const std::string& host, std::uint16_t port);
    [[nodiscard]] static udp_socket connect(const std::string& host, std::uint16_t port,
                                            std::error_code& error);
    [[nodiscard]] static udp_socket connect(const endpoint& peer);
    [[nodiscard]] static udp_socket connect(const endpoint& peer, std::error_code& error);

    /// Sends one datagram, whole or not at all; returns its size. An empty one is one too. Too
    /// large for UDP is std::errc::message_size.
    std::size_t send_to(io::bytes data, const endpoint& to);
    std::size_t send_to(io::bytes data, const endpoint& to, std::error_code& error);
    std::size_t send(io::bytes data);
    std::size_t send(io::bytes data, std::error_code& error);

    /// Waits for one datagram; returns its size, which may be zero, and its sender. One that does
    /// not fit is std::errc::message_size, and gone; its sender is returned by the twin.
    std::pair<std::size_t, endpoint> receive_from(io::buffer into);
    std::pair<std::size_t, endpoint> receive_from(io::buffer into, std::error_code& error);
    std::size_t receive(io::buffer into);
    std::size_t receive(io::buffer into, std::error_code& error);

    /// Receives what is sent to a multicast group, by the interface of that name, or by the one
    /// that the kernel chooses. Bind to the group's port, and to all interfaces or the group's
    /// address.
    void join_multicast(const std::string& group, const std::string& interface = {});
    void join_multicast(const std::string& group, const std::string& interface,
                        std::error_code& error);
    void leave_multicast(const std::string& group, const std::string& interface = {});
    void leave_multicast(const std::string& group, const std::string& interface,
                         std::error_code& error);
    /// Allows sending to broadcast addresses.
    void set_broadcast(bool on);
    void set_broadcast(bool on, std::error_code& error);

    /// Where this socket receives (getsockname). Does not wait.
    [[nodiscard]] endpoint local_endpoint() const;
    [[nodiscard]] endpoint local_endpoint(std::error_code& error) const;
    /// Of a connected socket.
    [[nodiscard]] endpoint remote_endpoint() const;
    [[nodiscard]] endpoint remote_endpoint(std::error_code& error) const;

    /// Select cases: a datagram has come, or one may be sent, at once. With or without a handler,
    /// which takes nothing. Closed meanwhile, the select throws std::errc::operation_canceled. The
    /// socket must outlive the case.
    template <typename... Handler> [[nodiscard]] auto on_readable(Handler&&... handler) const {
        return detail::readable_case(descriptor_.get(), std::forward<Handler>(handler)...);
    }
    template <typename... Handler> [[nodiscard]] auto on_writable(Handler&&... handler) const {
        return detail::writable_case(descriptor_.get(), std::forward<Handler>(handler)...);
    }

private:
    explicit udp_socket(detail::descriptor_pointer open, bool v6) noexcept;

    bool is_v6_ = false;
};

} // namespace coir
