// SPDX-License-Identifier: MIT
#pragma once
// Owns datagrams over unix sockets.

#include <coir/detail/config.hpp>
#include <coir/detail/descriptor.hpp>
#include <coir/detail/io_case.hpp>
#include <coir/detail/socket_file.hpp>
#include <coir/io/bytes.hpp>

#include <cstddef>
#include <string>
#include <system_error>
#include <utility>

namespace coir {

/// Settings of a unix_datagram.
struct unix_datagram_options {
    /// Takes over the path of a socket that nobody has open any more, as a crash leaves it.
    bool replace_stale = false;
};

/// A unix socket for datagrams, which arrive whole, once and in order. As udp_socket, with paths in
/// the place of endpoints; a leading NUL makes a path a name of the abstract namespace. A
/// default-made one is closed; it closes itself at the end of its life. Any number of coroutines
/// may use it at once; each datagram goes to one of them.
///
///     auto s = coir::unix_datagram::bind("/run/service.socket", {.replace_stale = true});
///     auto [size, from] = s.receive_from(buffer);
///     s.send_to("pong", from);
class COIR_API unix_datagram : public detail::descriptor_handle {
public:
    unix_datagram() noexcept = default;

    /// Binds to `path`. A file of that name is std::errc::address_in_use, whatever it is. The file
    /// is removed on close.
    [[nodiscard]] static unix_datagram bind(const std::string& path,
                                            const unix_datagram_options& options = {});
    [[nodiscard]] static unix_datagram bind(const std::string& path, std::error_code& error);
    [[nodiscard]] static unix_datagram
    bind(const std::string& path, const unix_datagram_options& options, std::error_code& error);
    /// Binds to an abstract name that the kernel chooses, so that others can answer.
    [[nodiscard]] static unix_datagram bind();
    [[nodiscard]] static unix_datagram bind(std::error_code& error);

    /// Talks to the socket at `path` only, which must exist, under a name that the kernel chooses.
    [[nodiscard]] static unix_datagram connect(const std::string& path);
    [[nodiscard]] static unix_datagram connect(const std::string& path, std::error_code& error);

    /// Sends one datagram, whole or not at all; returns its size. Waits while the receiver's queue
    /// is full. Too large for the socket's buffer is std::errc::message_size; a receiver that is
    /// gone, std::errc::connection_refused.
    std::size_t send_to(io::bytes data, const std::string& to);
    std::size_t send_to(io::bytes data, const std::string& to, std::error_code& error);
    std::size_t send(io::bytes data);
    std::size_t send(io::bytes data, std::error_code& error);

    /// Waits for one datagram; returns its size, which may be zero, and its sender's path, empty if
    /// it has none. One that does not fit is std::errc::message_size, and gone; its sender is
    /// returned by the twin.
    std::pair<std::size_t, std::string> receive_from(io::buffer into);
    std::pair<std::size_t, std::string> receive_from(io::buffer into, std::error_code& error);
    std::size_t receive(io::buffer into);
    std::size_t receive(io::buffer into, std::error_code& error);

    /// Removes the file; what is under way ends with std::errc::operation_canceled. Idempotent.
    void close() noexcept;
    /// The socket's own: as it was given to bind, or chosen by the kernel.
    [[nodiscard]] const std::string& path() const noexcept { return path_; }

    /// Select cases: as those of udp_socket.
    template <typename... Handler> [[nodiscard]] auto on_readable(Handler&&... handler) const {
        return detail::readable_case(descriptor_.get(), std::forward<Handler>(handler)...);
    }
    template <typename... Handler> [[nodiscard]] auto on_writable(Handler&&... handler) const {
        return detail::writable_case(descriptor_.get(), std::forward<Handler>(handler)...);
    }

private:
    unix_datagram(detail::descriptor_pointer open, std::string path) noexcept;

    std::string path_;
    detail::socket_file file_; // destroyed before the descriptor is closed
};

} // namespace coir
