// SPDX-License-Identifier: MIT
#pragma once
// Owns TLS over TCP and any other stream, by OpenSSL.
//
// A coir that was built without OpenSSL (the Meson option tls) has these declarations too: connect
// and accept then fail with std::errc::operation_not_supported, and tls_available() is false.

#include <coir/detail/config.hpp>
#include <coir/detail/io_case.hpp>
#include <coir/detail/tls_carrier.hpp>
#include <coir/io/stream.hpp>
#include <coir/net/tcp.hpp>
#include <coir/net/tls_context.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <system_error>
#include <utility>

namespace coir {

/// Tells whether coir was built with OpenSSL; else every function of TLS fails with
/// std::errc::operation_not_supported.
[[nodiscard]] COIR_API bool tls_available() noexcept;

/// The errors of TLS: OpenSSL's own, and those of the verification of a certificate.
[[nodiscard]] COIR_API const std::error_category& tls_category() noexcept;

namespace detail {

struct tls_core;
struct tls_access;
[[nodiscard]] COIR_API descriptor* tls_descriptor(tls_core* core) noexcept;
/// Whether a read would not wait, by what has come already.
[[nodiscard]] COIR_API bool tls_has_data(tls_core* core);
/// Takes what has come, without waiting: zero, -EAGAIN where it is not yet enough, or -errno.
[[nodiscard]] COIR_API int tls_fetch(tls_core* core, int fd) noexcept;
/// What a case at a stream has come to, where a foreign one cannot be waited for.
[[nodiscard]] COIR_API int tls_ready_result(const tls_core* core, int result) noexcept;

template <typename... Handler> struct tls_readable_operation {
    tls_core* core;
    plain_handler<Handler...> handler;

    int attempt(int fd) noexcept { return tls_fetch(core, fd); }
    void complete(int result) {
        throw_if_failed(tls_ready_result(core, result), "on_readable");
        handler.call();
    }
};

template <typename... Handler> struct tls_writable_operation {
    tls_core* core;
    plain_handler<Handler...> handler;

    void complete(int result) {
        throw_if_failed(tls_ready_result(core, result), "on_writable");
        handler.call();
    }
};

/// Ready at once where bytes have been decrypted that nobody has read yet.
template <typename... Handler>
class tls_readable_case : public io_case<tls_readable_operation<Handler...>> {
    using base = io_case<tls_readable_operation<Handler...>>;

public:
    template <typename... Given>
    explicit tls_readable_case(tls_core* core, Given&&... handler)
        : base{tls_descriptor(core), io_direction::read,
               tls_readable_operation<Handler...>{core, {std::forward<Given>(handler)...}}},
          core_{core} {}

    void prepare() {
        base::prepare();
        const bool ready = core_ != nullptr && tls_has_data(core_);
        this->entry_.kind = ready ? select_kind::deadline : select_kind::source;
        this->entry_.deadline_ns = never_wait_ns;
    }

private:
    tls_core* core_;
};

} // namespace detail

/// A TLS connection (1.2 or later) over TCP. A default-made one is closed; it closes itself at the
/// end of its life. The end of the stream (read returns 0) is the peer's own word; a connection
/// that ends without it has been cut off, which is coir::errc::stream_truncated. One coroutine may
/// read while another writes.
///
///     auto s = coir::tls_stream::connect("example.org", 443, {.alpn = {"http/1.1"}});
class COIR_API tls_stream : public io::stream_verbs<tls_stream> {
public:
    tls_stream() noexcept = default;

    /// Connects as tcp_stream does, then shakes hands. The chain of the server's certificate must
    /// lead to a trusted one, and its name must be `host`. Throws std::system_error, in
    /// tls_category() where TLS fails.
    [[nodiscard]] static tls_stream connect(const std::string& host, std::uint16_t port,
                                            const tls_options& options = {});
    [[nodiscard]] static tls_stream connect(const std::string& host, std::uint16_t port,
                                            std::error_code& error);
    [[nodiscard]] static tls_stream connect(const std::string& host, std::uint16_t port,
                                            const tls_options& options, std::error_code& error);
    /// With what other connections have read and agreed on already.
    [[nodiscard]] static tls_stream connect(const std::string& host, std::uint16_t port,
                                            const tls_context& context);
    [[nodiscard]] static tls_stream connect(const std::string& host, std::uint16_t port,
                                            const tls_context& context, std::error_code& error);

    /// Shakes hands over a connection that exists, with the server known as `host`: a tcp_stream, a
    /// unix_stream, another tls_stream, or whatever else is io::duplex. It belongs to this one
    /// then.
    template <io::duplex Stream>
    [[nodiscard]] static tls_stream connect(Stream&& over, const std::string& host,
                                            const tls_options& options = {}) {
        return connect_over(detail::carry(std::forward<Stream>(over)), host, options);
    }
    template <io::duplex Stream>
    [[nodiscard]] static tls_stream connect(Stream&& over, const std::string& host,
                                            const tls_options& options, std::error_code& error) {
        return connect_over(detail::carry(std::forward<Stream>(over)), host, options, &error);
    }
    template <io::duplex Stream>
    [[nodiscard]] static tls_stream connect(Stream&& over, const std::string& host,
                                            const tls_context& context) {
        return connect_over(detail::carry(std::forward<Stream>(over)), host, context);
    }
    template <io::duplex Stream>
    [[nodiscard]] static tls_stream connect(Stream&& over, const std::string& host,
                                            const tls_context& context, std::error_code& error) {
        return connect_over(detail::carry(std::forward<Stream>(over)), host, context, &error);
    }

    /// Shakes hands as the server, over any such stream. Waits for the client, so do it in the
    /// coroutine that serves it, within a time limit. Files are read once and again when they have
    /// changed.
    template <io::duplex Stream>
    [[nodiscard]] static tls_stream accept(Stream&& over, const tls_server_options& options) {
        return accept_over(detail::carry(std::forward<Stream>(over)), options);
    }
    template <io::duplex Stream>
    [[nodiscard]] static tls_stream accept(Stream&& over, const tls_server_options& options,
                                           std::error_code& error) {
        return accept_over(detail::carry(std::forward<Stream>(over)), options, &error);
    }
    template <io::duplex Stream>
    [[nodiscard]] static tls_stream accept(Stream&& over, const tls_context& context) {
        return accept_over(detail::carry(std::forward<Stream>(over)), context);
    }
    template <io::duplex Stream>
    [[nodiscard]] static tls_stream accept(Stream&& over, const tls_context& context,
                                           std::error_code& error) {
        return accept_over(detail::carry(std::forward<Stream>(over)), context, &error);
    }

    /// Tells the peer that no more will be written (close_notify); reading goes on.
    void shutdown_write();
    void shutdown_write(std::error_code& error);

    /// Closes the connection; what is under way ends with std::errc::operation_canceled.
    /// Idempotent. The peer sees a truncated stream, unless shutdown_write came before.
    void close() noexcept;
    [[nodiscard]] bool is_open() const noexcept;
    [[nodiscard]] explicit operator bool() const noexcept { return is_open(); }
    /// The descriptor of the stream below; -1 when closed, and over one that is not coir's.
    [[nodiscard]] int native_handle() const noexcept;

    /// As for the tcp_stream below: the ends of the connection, and TCP_NODELAY. Where there is
    /// none: std::errc::operation_not_supported.
    [[nodiscard]] endpoint local_endpoint() const;
    [[nodiscard]] endpoint local_endpoint(std::error_code& error) const;
    [[nodiscard]] endpoint remote_endpoint() const;
    [[nodiscard]] endpoint remote_endpoint(std::error_code& error) const;
    void set_no_delay(bool on);
    void set_no_delay(bool on, std::error_code& error);

    /// The application protocol agreed on; empty if none.
    [[nodiscard]] std::string alpn() const;
    /// "TLSv1.3"; empty when closed.
    [[nodiscard]] std::string version() const;
    /// The name that the client has asked for (SNI); empty if none.
    [[nodiscard]] std::string server_name() const;
    /// Whether the handshake has resumed a session of an earlier connection.
    [[nodiscard]] bool resumed() const;

    /// Select cases, as those of tcp_stream; readable is what can be read decrypted. Over a stream
    /// that is not coir's nothing tells: the select throws std::errc::operation_not_supported, but
    /// for bytes that have been decrypted already.
    template <typename... Handler> [[nodiscard]] auto on_readable(Handler&&... handler) const {
        return detail::tls_readable_case<std::decay_t<Handler>...>{
            core_.get(), std::forward<Handler>(handler)...};
    }
    template <typename... Handler> [[nodiscard]] auto on_writable(Handler&&... handler) const {
        using operation = detail::tls_writable_operation<std::decay_t<Handler>...>;
        return detail::io_case<operation>{
            detail::tls_descriptor(core_.get()), detail::io_direction::write,
            operation{core_.get(), {std::forward<Handler>(handler)...}}};
    }

private:
    friend class io::stream_verbs<tls_stream>;
    friend struct detail::tls_access;
    tls_stream(std::shared_ptr<detail::tls_core> core, std::string peer) noexcept
        : core_{std::move(core)}, peer_{std::move(peer)} {}
    std::size_t read_some(io::buffer into, std::error_code& error);
    std::size_t read_parts(std::span<const io::buffer> into, std::error_code& error);
    std::size_t write_some(io::bytes data, std::error_code& error);
    std::size_t write_parts(std::span<const io::bytes> parts, std::size_t skip,
                            std::error_code& error);
    // With nothing `told` they throw.
    [[nodiscard]] static tls_stream connect_over(detail::tls_carrier_pointer over,
                                                 const std::string& host,
                                                 const tls_options& options,
                                                 std::error_code* told = nullptr);
    [[nodiscard]] static tls_stream connect_over(detail::tls_carrier_pointer over,
                                                 const std::string& host,
                                                 const tls_context& context,
                                                 std::error_code* told = nullptr);
    [[nodiscard]] static tls_stream accept_over(detail::tls_carrier_pointer over,
                                                const tls_server_options& options,
                                                std::error_code* told = nullptr);
    [[nodiscard]] static tls_stream accept_over(detail::tls_carrier_pointer over,
                                                const tls_context& context,
                                                std::error_code* told = nullptr);
    [[nodiscard]] tcp_stream* connection(std::error_code& error) const;
    [[nodiscard]] std::string describe(const char* verb) const { return verb + (" " + peer_); }

    std::shared_ptr<detail::tls_core> core_;
    std::string peer_;
};

} // namespace coir
