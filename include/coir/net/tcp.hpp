// SPDX-License-Identifier: MIT
#pragma once
// Owns TCP: listening, connecting, streams.

#include <coir/detail/config.hpp>
#include <coir/detail/descriptor.hpp>
#include <coir/detail/io_case.hpp>
#include <coir/io/stream.hpp>
#include <coir/net/endpoint.hpp>

#include <concepts>
#include <cstdint>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

namespace coir {

/// A TCP connection. A default-made one is closed; it closes itself at the end of its life.
///
///     auto s = coir::tcp_stream::connect("example.org", 80);
///     s.write_all("GET / HTTP/1.0\r\n\r\n");
class COIR_API tcp_stream : public io::stream_verbs<tcp_stream> {
public:
    tcp_stream() noexcept = default;

    /// Resolves `host` and races its addresses (RFC 8305): a new attempt every 250 ms or as soon as
    /// one fails; the first connection wins. Throws std::system_error with the last error.
    [[nodiscard]] static tcp_stream connect(const std::string& host, std::uint16_t port);
    [[nodiscard]] static tcp_stream connect(const std::string& host, std::uint16_t port,
                                            std::error_code& error);
    [[nodiscard]] static tcp_stream connect(const endpoint& peer);
    [[nodiscard]] static tcp_stream connect(const endpoint& peer, std::error_code& error);

    /// Tells the peer that no more will be written; reading goes on.
    void shutdown_write();
    void shutdown_write(std::error_code& error);

    /// Closes; what is under way ends with std::errc::operation_canceled. Idempotent.
    void close() noexcept;
    [[nodiscard]] bool is_open() const noexcept;
    [[nodiscard]] explicit operator bool() const noexcept { return is_open(); }

    [[nodiscard]] endpoint local_endpoint() const;
    [[nodiscard]] endpoint remote_endpoint() const;
    /// Sends small writes at once (TCP_NODELAY) instead of gathering them.
    void set_no_delay(bool on);

    /// Select cases: something can be read (the end of the stream too), or written, at once. With
    /// or without a handler, which takes nothing. Closed meanwhile, the select throws
    /// std::errc::operation_canceled. The stream must outlive the case.
    template <typename... Handler> [[nodiscard]] auto on_readable(Handler&&... handler) const {
        return detail::readable_case(descriptor_.get(), std::forward<Handler>(handler)...);
    }
    template <typename... Handler> [[nodiscard]] auto on_writable(Handler&&... handler) const {
        return detail::writable_case(descriptor_.get(), std::forward<Handler>(handler)...);
    }

    /// The descriptor, for options that coir has no function for; -1 when closed.
    [[nodiscard]] int native_handle() const noexcept;

private:
    friend class tcp_listener;
    friend class io::stream_verbs<tcp_stream>;
    tcp_stream(detail::descriptor_pointer open, const endpoint& peer) noexcept;

    std::size_t read_some(io::buffer into, std::error_code& error);
    std::size_t write_some(io::bytes data, std::error_code& error);
    [[nodiscard]] std::string describe(const char* verb) const;

    detail::descriptor_pointer descriptor_;
    endpoint peer_;
};

struct listen_options {
    /// How many connections may wait to be accepted; the kernel's limit applies as well.
    int backlog = 4096;
    /// Takes an address whose old connections still linger (SO_REUSEADDR).
    bool reuse_address = true;
    /// Shares the port with other listeners (SO_REUSEPORT).
    bool reuse_port = false;
    /// An IPv6 listener takes no IPv4 connections.
    bool v6_only = false;
};

/// A listening TCP socket.
///
///     auto l = coir::tcp_listener::bind("127.0.0.1", 0);
///     for (;;) coir::go(serve, l.accept());
class COIR_API tcp_listener {
public:
    tcp_listener() noexcept = default;

    /// Binds to `host` (a name or numeric address; empty: all interfaces) and listens. Port 0 lets
    /// the kernel choose. Throws std::system_error.
    [[nodiscard]] static tcp_listener bind(const std::string& host, std::uint16_t port,
                                           const listen_options& options = {});
    [[nodiscard]] static tcp_listener bind(const std::string& host, std::uint16_t port,
                                           const listen_options& options, std::error_code& error);

    /// Waits for a connection. A connection that broke before it was accepted is passed over; lack
    /// of descriptors or memory (EMFILE, ENFILE, ENOBUFS, ENOMEM) is thrown, and leaves the
    /// connection waiting.
    [[nodiscard]] tcp_stream accept();
    [[nodiscard]] tcp_stream accept(std::error_code& error);

    /// A select case: takes a connection and calls the handler with its tcp_stream. A connection is
    /// taken only by the case that is chosen. Errors are those of accept(), thrown by the select.
    /// The listener must outlive the case.
    template <typename Handler> [[nodiscard]] auto on_accept(Handler&& handler) const {
        using operation = accept_operation<std::decay_t<Handler>>;
        return detail::io_case<operation>{descriptor_.get(), detail::io_direction::read,
                                          operation{std::forward<Handler>(handler), {}}};
    }

    /// Stops listening; an accept under way ends with std::errc::operation_canceled. Idempotent.
    void close() noexcept;
    [[nodiscard]] bool is_open() const noexcept;
    [[nodiscard]] explicit operator bool() const noexcept { return is_open(); }
    [[nodiscard]] endpoint local_endpoint() const;
    [[nodiscard]] int native_handle() const noexcept;

private:
    template <typename Handler> struct accept_operation {
        static_assert(std::invocable<Handler&, tcp_stream>,
                      "coir: the handler of on_accept takes a tcp_stream");
        Handler handler;
        endpoint peer;

        int attempt(int fd) noexcept { return accept_now(fd, peer); }
        void complete(int result) { static_cast<void>(handler(accepted(result, peer))); }
    };

    explicit tcp_listener(detail::descriptor_pointer open) noexcept;
    /// Accepts without waiting: the descriptor, or -errno.
    static int accept_now(int fd, endpoint& peer) noexcept;
    static tcp_stream accepted(int result, const endpoint& peer);
    detail::descriptor_pointer descriptor_;
};

} // namespace coir
