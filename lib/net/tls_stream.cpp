// SPDX-License-Identifier: MIT
#include "io/parts.hpp"
#include "net/socket.hpp"
#include "net/tls_core.hpp"

#include <algorithm>

namespace coir {

namespace detail {

struct tcp_access {
    static descriptor* descriptor_of(const tcp_stream& stream) noexcept {
        return stream.descriptor_.get();
    }
};

descriptor* tls_descriptor(tls_core* core) noexcept {
    return core != nullptr ? tcp_access::descriptor_of(tls_transport(*core)) : nullptr;
}

} // namespace detail

namespace {

void throw_if(const std::error_code& error, const std::string& what) {
    if (error) throw std::system_error{error, what};
}

const std::error_code closed = detail::error_from(-EBADF);

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
    throw_if(error, "TLS context");
    return made;
}

tls_context tls_context::server(const tls_server_options& options, std::error_code& error) {
    return tls_context{detail::tls_share(options, error)};
}

tls_context tls_context::server(const tls_server_options& options) {
    std::error_code error;
    tls_context made = server(options, error);
    throw_if(error, "TLS context with " + options.certificate_file);
    return made;
}

// --- The client's side -----------------------------------------------------------------------

tls_stream tls_stream::connect_shared(tcp_stream&& over, const std::string& host,
                                      const detail::tls_shared* shared, std::error_code& error) {
    std::string peer = host;
    auto core = detail::tls_connect(std::move(over), host, shared, error);
    return error ? tls_stream{} : tls_stream{std::move(core), std::move(peer)};
}

tls_stream tls_stream::connect(const std::string& host, std::uint16_t port,
                               const tls_options& options, std::error_code& error) {
    tcp_stream over = tcp_stream::connect(host, port, error);
    if (error) return {};
    return connect(std::move(over), host, options, error);
}

tls_stream tls_stream::connect(const std::string& host, std::uint16_t port,
                               std::error_code& error) {
    return connect(host, port, tls_options{}, error);
}

tls_stream tls_stream::connect(const std::string& host, std::uint16_t port,
                               const tls_options& options) {
    return connect(tcp_stream::connect(host, port), host, options);
}

tls_stream tls_stream::connect(tcp_stream&& over, const std::string& host,
                               const tls_options& options, std::error_code& error) {
    const auto shared = detail::tls_share(options, error);
    return error ? tls_stream{} : connect_shared(std::move(over), host, shared.get(), error);
}

tls_stream tls_stream::connect(tcp_stream&& over, const std::string& host,
                               const tls_options& options) {
    std::error_code error;
    tls_stream made = connect(std::move(over), host, options, error);
    throw_if(error, "TLS handshake with " + host);
    return made;
}

tls_stream tls_stream::connect(const std::string& host, std::uint16_t port,
                               const tls_context& context, std::error_code& error) {
    tcp_stream over = tcp_stream::connect(host, port, error);
    if (error) return {};
    return connect(std::move(over), host, context, error);
}

tls_stream tls_stream::connect(const std::string& host, std::uint16_t port,
                               const tls_context& context) {
    return connect(tcp_stream::connect(host, port), host, context);
}

tls_stream tls_stream::connect(tcp_stream&& over, const std::string& host,
                               const tls_context& context, std::error_code& error) {
    return connect_shared(std::move(over), host, context.shared_.get(), error);
}

tls_stream tls_stream::connect(tcp_stream&& over, const std::string& host,
                               const tls_context& context) {
    std::error_code error;
    tls_stream made = connect(std::move(over), host, context, error);
    throw_if(error, "TLS handshake with " + host);
    return made;
}

// --- The server's side -----------------------------------------------------------------------

tls_stream tls_stream::accept_shared(tcp_stream&& over, const detail::tls_shared* shared,
                                     std::error_code& error) {
    std::string peer = over.remote_endpoint(error).to_string();
    if (error) return {};
    auto core = detail::tls_accept(std::move(over), shared, error);
    return error ? tls_stream{} : tls_stream{std::move(core), std::move(peer)};
}

tls_stream tls_stream::accept(tcp_stream&& over, const tls_server_options& options,
                              std::error_code& error) {
    const auto shared = detail::tls_share(options, error);
    return error ? tls_stream{} : accept_shared(std::move(over), shared.get(), error);
}

tls_stream tls_stream::accept(tcp_stream&& over, const tls_server_options& options) {
    std::error_code error;
    const std::string peer = over.remote_endpoint(error).to_string();
    tls_stream made = accept(std::move(over), options, error);
    throw_if(error, "TLS handshake with " + peer);
    return made;
}

tls_stream tls_stream::accept(tcp_stream&& over, const tls_context& context,
                              std::error_code& error) {
    return accept_shared(std::move(over), context.shared_.get(), error);
}

tls_stream tls_stream::accept(tcp_stream&& over, const tls_context& context) {
    std::error_code error;
    const std::string peer = over.remote_endpoint(error).to_string();
    tls_stream made = accept(std::move(over), context, error);
    throw_if(error, "TLS handshake with " + peer);
    return made;
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
    constexpr std::size_t record_bytes = 16 * 1024;
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
    throw_if(error, describe("shutdown"));
}

void tls_stream::close() noexcept {
    if (core_ != nullptr) detail::tls_transport(*core_).close();
}

int tls_stream::native_handle() const noexcept {
    return core_ != nullptr ? detail::tls_transport(*core_).native_handle() : -1;
}

endpoint tls_stream::local_endpoint(std::error_code& error) const {
    error = closed;
    return core_ != nullptr ? detail::tls_transport(*core_).local_endpoint(error) : endpoint{};
}

endpoint tls_stream::local_endpoint() const {
    std::error_code error;
    const endpoint local = local_endpoint(error);
    throw_if(error, describe("local_endpoint"));
    return local;
}

endpoint tls_stream::remote_endpoint(std::error_code& error) const {
    error = closed;
    return core_ != nullptr ? detail::tls_transport(*core_).remote_endpoint(error) : endpoint{};
}

endpoint tls_stream::remote_endpoint() const {
    std::error_code error;
    const endpoint remote = remote_endpoint(error);
    throw_if(error, describe("remote_endpoint"));
    return remote;
}

void tls_stream::set_no_delay(bool on, std::error_code& error) {
    error = closed;
    if (core_ != nullptr) detail::tls_transport(*core_).set_no_delay(on, error);
}

void tls_stream::set_no_delay(bool on) {
    std::error_code error;
    set_no_delay(on, error);
    throw_if(error, describe("set_no_delay"));
}

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
