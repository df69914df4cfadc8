// SPDX-License-Identifier: MIT
#pragma once
// Owns TCP: listening, connecting, streams.

#include <coir/detail/config.hpp>
#include <coir/detail/descriptor.hpp>
#include <coir/detail/durations.hpp>
#include <coir/detail/io_case.hpp>
#include <coir/detail/socket_stream.hpp>
#include <coir/net/endpoint.hpp>
#include <coir/net/listen_options.hpp>

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

namespace coir {

/// How a connection that is silent is probed; zero leaves the kernel's own figure.
struct keep_alive_options {
    std::chrono::seconds idle{0};     ///< silence before the first probe
    std::chrono::seconds interval{0}; ///< between probes
    int count = 0;                    ///< probes without an answer until the connection is given up
};

/// A TCP connection. A default-made one is closed; it closes itself at the end of its life.
///
///     auto s = coir::tcp_stream::connect("example.org", 80);
///     s.write_all("GET / HTTP/1.0\r\n\r\n");
class COIR_API tcp_stream : public detail::socket_stream<tcp_stream> {
public:
    tcp_stream() noexcept = default;

    /// Resolves `host` and races its addresses (RFC 8305): a new attempt every 250 ms or as soon as
    /// one fails; the first connection wins. Throws std::system_error with the last error.
    [[nodiscard]] static tcp_stream connect(const std::string& host, std::uint16_t port);
    [[nodiscard]] static tcp_stream connect(const std::string& host, std::uint16_t port,
                                            std::error_code& error);
    [[nodiscard]] static tcp_stream connect(const endpoint& peer);
    [[nodiscard]] static tcp_stream connect(const endpoint& peer, std::error_code& error);

    /// Our end of the connection (getsockname). Does not wait.
    [[nodiscard]] endpoint local_endpoint() const;
    [[nodiscard]] endpoint local_endpoint(std::error_code& error) const;
    /// The other end (getpeername). Does not wait.
    [[nodiscard]] endpoint remote_endpoint() const;
    [[nodiscard]] endpoint remote_endpoint(std::error_code& error) const;

    /// Sends small writes at once (TCP_NODELAY) instead of gathering them.
    void set_no_delay(bool on);
    void set_no_delay(bool on, std::error_code& error);
    /// Finds out that the peer is gone while nothing is sent (SO_KEEPALIVE): a read then fails with
    /// timed_out. Without options at the kernel's pace, hours.
    void set_keep_alive(bool on);
    void set_keep_alive(bool on, std::error_code& error);
    void set_keep_alive(const keep_alive_options& options);
    void set_keep_alive(const keep_alive_options& options, std::error_code& error);
    /// What close does with data that is not yet sent (SO_LINGER). No value: the kernel goes on
    /// sending, as it does by default. Zero: the data is thrown away and the connection is reset.
    /// More: the close blocks its thread for up to that long.
    void set_linger(std::optional<std::chrono::seconds> limit);
    void set_linger(std::optional<std::chrono::seconds> limit, std::error_code& error);

private:
    friend class tcp_listener;
    friend class io::stream_verbs<tcp_stream>;
    friend class detail::socket_stream<tcp_stream>;
    tcp_stream(detail::descriptor_pointer open, const endpoint& peer) noexcept;
    [[nodiscard]] std::string describe(const char* verb) const;

    endpoint peer_;
};

/// A listening TCP socket.
///
///     auto l = coir::tcp_listener::bind("127.0.0.1", 0);
///     for (;;) coir::go(serve, l.accept());
class COIR_API tcp_listener : public detail::descriptor_handle {
public:
    tcp_listener() noexcept = default;

    /// Binds to `host` (a name or numeric address; empty: all interfaces) and listens. Port 0 lets
    /// the kernel choose. Throws std::system_error.
    [[nodiscard]] static tcp_listener bind(const std::string& host, std::uint16_t port,
                                           const listen_options& options = {});
    [[nodiscard]] static tcp_listener bind(const std::string& host, std::uint16_t port,
                                           std::error_code& error);
    [[nodiscard]] static tcp_listener bind(const std::string& host, std::uint16_t port,
                                           const listen_options& options, std::error_code& error);

    /// Waits for a connection. A connection that broke before it was accepted is passed over; lack
    /// of descriptors or memory (EMFILE, ENFILE, ENOBUFS, ENOMEM) is thrown, and leaves the
    /// connection waiting: a loop that goes on should sleep before, or close something.
    [[nodiscard]] tcp_stream accept();
    [[nodiscard]] tcp_stream accept(std::error_code& error);

    /// A select case: takes a connection and calls the handler with its tcp_stream. A connection is
    /// taken only by the case that is chosen. Errors are those of accept(), thrown by the select.
    /// The listener must outlive the case.
    template <typename Handler> [[nodiscard]] auto on_accept(Handler&& handler) const {
        using operation = accept_operation<std::decay_t<Handler>>;
        return detail::io_case<operation>{descriptor_.get(), detail::io_direction::read,
                                          operation{std::forward<Handler>(handler), {}, local_}};
    }

    /// Where it listens, with the port that the kernel chose for 0. Does not wait.
    [[nodiscard]] endpoint local_endpoint() const;
    [[nodiscard]] endpoint local_endpoint(std::error_code& error) const;

private:
    template <typename Handler> struct accept_operation {
        static_assert(std::invocable<Handler&, tcp_stream>,
                      "coir: the handler of on_accept takes a tcp_stream");
        Handler handler;
        endpoint peer;
        endpoint local;

        int attempt(int fd) noexcept { return accept_now(fd, peer); }
        void complete(int result) { static_cast<void>(handler(accepted(result, peer, local))); }
    };

    tcp_listener(detail::descriptor_pointer open, const endpoint& local) noexcept;
    /// Accepts without waiting: the descriptor, or -errno.
    static int accept_now(int fd, endpoint& peer) noexcept;
    static tcp_stream accepted(int result, const endpoint& peer, const endpoint& local);

    endpoint local_;
};

} // namespace coir
