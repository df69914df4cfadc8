// SPDX-License-Identifier: MIT
#pragma once
// Owns what connections with the same options share: certificates, keys, trust.

#include "net/tls_core.hpp"
#include "net/tls_sessions.hpp"

#include <openssl/ssl.h>

#include <memory>
#include <system_error>

namespace coir::detail {

using ssl_context = std::shared_ptr<SSL_CTX>;

/// Contexts of OpenSSL are kept, by their options, until their files change.
struct tls_shared {
    ssl_context context;
    bool is_server = false;
    tls_options options;                    // of clients
    std::shared_ptr<tls_sessions> sessions; // of clients; null: none are kept
};

/// The list as it goes over the wire: each name behind its length. Empty if a name is too long.
[[nodiscard]] std::string alpn_wire_form(const std::vector<std::string>& names);

/// The oldest error that OpenSSL has noted on this thread, and forgets them all.
[[nodiscard]] std::error_code take_ssl_error() noexcept;

/// The error for a certificate that failed, X509_V_ERR_*.
[[nodiscard]] std::error_code verification_error(long result) noexcept;

} // namespace coir::detail
