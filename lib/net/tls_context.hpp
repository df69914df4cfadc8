// SPDX-License-Identifier: MIT
#pragma once
// Owns what connections with the same options share: certificates, keys, trust.

#include "net/tls_core.hpp"

#include <openssl/ssl.h>

#include <memory>
#include <system_error>

namespace coir::detail {

using ssl_context = std::shared_ptr<SSL_CTX>;

/// Contexts are kept, by their options, until their files change. Reads files, on the caller's
/// thread, when they are first needed. Null with an error.
[[nodiscard]] ssl_context client_context(const tls_options& options, std::error_code& error);
[[nodiscard]] ssl_context server_context(const tls_server_options& options, std::error_code& error);

/// The list as it goes over the wire: each name behind its length. Empty if a name is too long.
[[nodiscard]] std::string alpn_wire_form(const std::vector<std::string>& names);

/// The oldest error that OpenSSL has noted on this thread, and forgets them all.
[[nodiscard]] std::error_code take_ssl_error() noexcept;

/// The error for a certificate that failed, X509_V_ERR_*.
[[nodiscard]] std::error_code verification_error(long result) noexcept;

} // namespace coir::detail
