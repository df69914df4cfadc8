// SPDX-License-Identifier: MIT
#include "io/parts.hpp"
#include "io/result.hpp"
#include "net/tls_core.hpp"

#include <algorithm>

namespace coir {

namespace detail {

descriptor* tls_descriptor(tls_core* core) noexcept {
    return core != nullptr ? tls_carrier_of(*core).source() : nullptr;
}

} // namespace detail

namespace {

const std::error_code closed = detail::error_from(-EBADF);

void tell(const std::error_code& error, std::error_code* told, const std::string& what) {
    if (told == nullptr) detail::throw_if(error, what);
    if (told != nullptr) *told = error;
}

std::string shaking_hands_with(const std::string& peer) { return "TLS handshake with " + peer; }

/// As text; only TCP knows.
std::string peer_of(detail::tls_carrier& over, std::error_code& error) {
    tcp_stream* const connection = over.tcp();
    return connection != nullptr ? connection->remote_endpoint(error).to_string() : "client";
}

} // namespace

// --- Contexts -------------------------------------------------------------------------------

tls_context tls_context::client(const tls_options& options, std::error_code& error) {
    auto shared = detail::tls_share(options, error);
    if (shared != nullptr) detail::tls_keep_sessions(*shared);
    return tls_context{std::move(shared)};
}

tls_context tls_context::client(const tls_options& options) {
    std::error_code error;
    tls_context made = client(options, error);
    detail::throw_if(error, "TLS context");
    return made;
}

tls_context tls_context::server(const tls_server_options& options, std::error_code& error) {
    return tls_context{detail::tls_share(options, error)};
}

tls_context tls_context::server(const tls_server_options& options) {
    std::error_code error;
    tls_context made = server(options, error);
    detail::throw_if(error, "TLS context with " + options.certificate_file);
    return made;
}

// --- The client's side -----------------------------------------------------------------------

tls_stream tls_stream::connect_over(detail::tls_carrier_pointer over, const std::string& host,
                                    const tls_context& context, std::error_code* told) {
    std::error_code error;
    auto core = detail::tls_connect(std::move(over), host, context.shared_.get(), error);
    tell(error, told, shaking_hands_with(host));
    return error ? tls_stream{} : tls_stream{std::move(core), host};
}

tls_stream tls_stream::connect_over(detail::tls_carrier_pointer over, const std::string& host,
                                    const tls_options& options, std::error_code* told) {
    std::error_code error;
    const tls_context context{detail::tls_share(options, error)};
    tell(error, told, shaking_hands_with(host));
    return error ? tls_stream{} : connect_over(std::move(over), host, context, told);
}

tls_stream tls_stream::connect(const std::string& host, std::uint16_t port,
                               const tls_options& options, std::error_code& error) {
    tcp_stream over = tcp_stream::connect(host, port, error);
    return error ? tls_stream{} : connect(std::move(over), host, options, error);
}

tls_stream tls_stream::connect(const std::string& host, std::uint16_t port,
                               std::error_code& error) {
    return connect(host, port, tls_options{}, error);
}

tls_stream tls_stream::connect(const std::string& host, std::uint16_t port,
                               const tls_options& options) {
    return connect(tcp_stream::connect(host, port), host, options);
}

tls_stream tls_stream::connect(const std::string& host, std::uint16_t port,
                               const tls_context& context, std::error_code& error) {
    tcp_stream over = tcp_stream::connect(host, port, error);
    return error ? tls_stream{} : connect(std::move(over), host, context, error);
}

tls_stream tls_stream::connect(const std::string& host, std::uint16_t port,
                               const tls_context& context) {
    return connect(tcp_stream::connect(host, port), host, context);
}

// --- The server's side -----------------------------------------------------------------------

tls_stream tls_stream::accept_over(detail::tls_carrier_pointer over, const tls_context& context,
                                   std::error_code* told) {
    std::error_code error;
    std::string peer = peer_of(*over, error);
    std::shared_ptr<detail::tls_core> core;
    if (!error) core = detail::tls_accept(std::move(over), context.shared_.get(), error);
    tell(error, told, shaking_hands_with(peer));
    return error ? tls_stream{} : tls_stream{std::move(core), std::move(peer)};
}

tls_stream tls_stream::accept_over(detail::tls_carrier_pointer over,
                                   const tls_server_options& options, std::error_code* told) {
    std::error_code error;
    const tls_context context{detail::tls_share(options, error)};
    std::error_code unknown;
    if (error) tell(error, told, shaking_hands_with(peer_of(*over, unknown)));
    return error ? tls_stream{} : accept_over(std::move(over), context, told);
}

// --- Reading and writing ---------------------------------------------------------------------

// Each operation keeps the core: the handle may be destroyed, which ends the operation, meanwhile.
std::size_t tls_stream::read_some(io::buffer into, std::error_code& error) {
    const auto core = core_;
    error = closed;
    return core != nullptr ? detail::tls_read(*core, into, error) : 0;
}

std::size_t tls_stream::write_some(io::bytes data, std::error_code& error) {
    const auto core = core_;
    error = closed;
    return core != nullptr ? detail::tls_write(*core, data, error) : 0;
}

std::size_t tls_stream::read_parts(std::span<const io::buffer> into, std::error_code& error) {
    const iovec first = detail::io_parts{into}.first();
    return read_some({first.iov_base, first.iov_len}, error);
}

// What fits into one record is put together: each record costs more than copying.
std::size_t tls_stream::write_parts(std::span<const io::bytes> parts, std::size_t skip,
                                    std::error_code& error) {
    constexpr std::size_t record_bytes = std::size_t{16} * 1024;
    const iovec first = detail::io_parts{parts, skip}.first();
    if (parts.size() <= 1 || first.iov_len >= record_bytes) {
        return write_some({first.iov_base, first.iov_len}, error);
    }
    std::string together;
    for (const io::bytes& part : parts) {
        const std::size_t size = std::min(part.size() - skip, record_bytes - together.size());
        together.append(static_cast<const char*>(part.data()) + skip, size);
        skip = 0;
    }
    return write_some(together, error);
}

void tls_stream::shutdown_write(std::error_code& error) {
    const auto core = core_;
    error = closed;
    if (core != nullptr) detail::tls_shutdown_write(*core, error);
}

void tls_stream::shutdown_write() {
    std::error_code error;
    shutdown_write(error);
    detail::throw_if(error, describe("shutdown"));
}

void tls_stream::close() noexcept {
    if (core_ != nullptr) detail::tls_carrier_of(*core_).close();
}

bool tls_stream::is_open() const noexcept {
    return core_ != nullptr && detail::tls_carrier_of(*core_).is_open();
}

int tls_stream::native_handle() const noexcept {
    return core_ != nullptr ? detail::tls_carrier_of(*core_).native_handle() : -1;
}

// --- Of the TCP connection -------------------------------------------------------------------

tcp_stream* tls_stream::connection(std::error_code& error) const {
    error = closed;
    if (!is_open()) return nullptr;
    tcp_stream* const found = detail::tls_carrier_of(*core_).tcp();
    error = found != nullptr ? std::error_code{} : detail::error_from(-EOPNOTSUPP);
    return found;
}

endpoint tls_stream::local_endpoint(std::error_code& error) const {
    tcp_stream* const found = connection(error);
    return found != nullptr ? found->local_endpoint(error) : endpoint{};
}

endpoint tls_stream::local_endpoint() const {
    std::error_code error;
    const endpoint local = local_endpoint(error);
    detail::throw_if(error, describe("local_endpoint"));
    return local;
}

endpoint tls_stream::remote_endpoint(std::error_code& error) const {
    tcp_stream* const found = connection(error);
    return found != nullptr ? found->remote_endpoint(error) : endpoint{};
}

endpoint tls_stream::remote_endpoint() const {
    std::error_code error;
    const endpoint remote = remote_endpoint(error);
    detail::throw_if(error, describe("remote_endpoint"));
    return remote;
}

void tls_stream::set_no_delay(bool on, std::error_code& error) {
    if (tcp_stream* const found = connection(error)) found->set_no_delay(on, error);
}

void tls_stream::set_no_delay(bool on) {
    std::error_code error;
    set_no_delay(on, error);
    detail::throw_if(error, describe("set_no_delay"));
}

// --- What was agreed on ----------------------------------------------------------------------

std::string tls_stream::alpn() const {
    return core_ != nullptr ? detail::tls_protocol(*core_) : std::string{};
}

std::string tls_stream::server_name() const {
    return core_ != nullptr ? detail::tls_server_name(*core_) : std::string{};
}

bool tls_stream::resumed() const { return core_ != nullptr && detail::tls_resumed(*core_); }

std::string tls_stream::version() const {
    return is_open() ? detail::tls_version(*core_) : std::string{};
}

} // namespace coir
