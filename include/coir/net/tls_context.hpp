// SPDX-License-Identifier: MIT
#pragma once
// Owns what TLS connections are made with: the options, and what many connections share.

#include <coir/detail/config.hpp>

#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace coir {

class tls_stream;

/// Settings of the client's side.
struct tls_options {
    /// The certificates to trust, a PEM file; empty: those of the system.
    std::string ca_file{};
    /// Application protocols, the preferred one first: {"h2", "http/1.1"}.
    std::vector<std::string> alpn{};
    /// The name that the certificate must be for, and that is asked for (SNI); empty: the host.
    std::string server_name{};
    /// False trusts anybody: no check of the chain, none of the name.
    bool verify = true;
    /// The client's own certificate (PEM, the chain in order) and key, where the server asks.
    std::string certificate_file{};
    std::string private_key_file{};
};

/// Settings of the server's side.
struct tls_server_options {
    /// PEM files: the certificate, followed by those between it and its root; its key.
    std::string certificate_file{};
    std::string private_key_file{};
    /// Application protocols, the preferred one first. A client that offers others only is refused.
    std::vector<std::string> alpn{};
    /// Clients must show a certificate from one of these authorities; empty: none is asked for.
    std::string client_ca_file{};
};

namespace detail {
struct tls_shared;
} // namespace detail

/// What many connections share: certificates, keys and settings, read once, when it is made. Those
/// of a client keep the sessions that servers offer, too, and resume them: the next handshake with
/// the same name and port costs neither side a signature. A server's clients may always resume.
/// Copies are the same context; any thread or coroutine may use it. Reading the files blocks the
/// thread. A moved-from one serves nobody (std::errc::invalid_argument), nor does a client's serve
/// to accept.
///
///     const auto context = coir::tls_context::server({.certificate_file = "cert.pem", ...});
///     coir::go([context, peer = listener.accept()]() mutable {
///         auto s = coir::tls_stream::accept(std::move(peer), context);
///     });
class COIR_API tls_context {
public:
    /// For connect. Throws std::system_error where a file cannot be used.
    [[nodiscard]] static tls_context client(const tls_options& options = {});
    [[nodiscard]] static tls_context client(const tls_options& options, std::error_code& error);
    /// For accept.
    [[nodiscard]] static tls_context server(const tls_server_options& options);
    [[nodiscard]] static tls_context server(const tls_server_options& options,
                                            std::error_code& error);

private:
    friend class tls_stream;
    // No default constructor: `{}` goes on to mean options where these are taken as well.
    explicit tls_context(std::shared_ptr<const detail::tls_shared> shared) noexcept
        : shared_{std::move(shared)} {}

    std::shared_ptr<const detail::tls_shared> shared_;
};

} // namespace coir
