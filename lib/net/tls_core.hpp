// SPDX-License-Identifier: MIT
#pragma once
// Owns the seam between the TLS streams and OpenSSL, which is not there in every build.

#include <coir/net/tls.hpp>

#include <memory>
#include <string>
#include <system_error>

namespace coir::detail {

/// What connections with these options share. Reads files, on the caller's thread, when they are
/// first needed or have changed. Null with an error.
[[nodiscard]] std::shared_ptr<tls_shared> tls_share(const tls_options& options,
                                                    std::error_code& error);
[[nodiscard]] std::shared_ptr<tls_shared> tls_share(const tls_server_options& options,
                                                    std::error_code& error);
/// From now on its connections resume the sessions of earlier ones.
void tls_keep_sessions(tls_shared& shared);

/// Null, or of the other side: std::errc::invalid_argument.
[[nodiscard]] std::shared_ptr<tls_core> tls_connect(tls_carrier_pointer over,
                                                    const std::string& host,
                                                    const tls_shared* shared,
                                                    std::error_code& error);
[[nodiscard]] std::shared_ptr<tls_core>
tls_accept(tls_carrier_pointer over, const tls_shared* shared, std::error_code& error);

std::size_t tls_read(tls_core& core, io::buffer into, std::error_code& error);
std::size_t tls_write(tls_core& core, io::bytes data, std::error_code& error);
void tls_shutdown_write(tls_core& core, std::error_code& error);
/// As tls_carrier::take: decrypted bytes.
[[nodiscard]] int tls_take(tls_core& core, int fd, io::buffer into) noexcept;
[[nodiscard]] tls_carrier& tls_carrier_of(tls_core& core) noexcept;
[[nodiscard]] std::string tls_protocol(tls_core& core);
[[nodiscard]] std::string tls_version(tls_core& core);
[[nodiscard]] std::string tls_server_name(tls_core& core);
[[nodiscard]] bool tls_resumed(tls_core& core);

struct tls_access {
    /// Null: the stream is a default-made one.
    [[nodiscard]] static tls_core* core_of(const tls_stream& stream) noexcept {
        return stream.core_.get();
    }
};

} // namespace coir::detail
