// SPDX-License-Identifier: MIT
#pragma once
// Owns the kernel's form of a unix socket's path.

#include <sys/socket.h>
#include <sys/un.h>

#include <string>
#include <system_error>

namespace coir::detail {

struct unix_address {
    sockaddr_un native{};
    socklen_t size = 0;

    [[nodiscard]] const sockaddr* plain() const noexcept {
        return reinterpret_cast<const sockaddr*>(&native);
    }
};

[[nodiscard]] inline bool is_abstract(const std::string& path) noexcept {
    return !path.empty() && path.front() == '\0';
}

/// Refuses what the kernel would take for something else: nothing, and a NUL inside a path.
[[nodiscard]] unix_address unix_address_of(const std::string& path, std::error_code& error);

/// The path in what the kernel has filled in; empty for a socket without a name.
[[nodiscard]] std::string unix_path_in(const unix_address& address);

/// For error texts: an abstract name begins with @, as in ss(8).
[[nodiscard]] std::string unix_path_text(const std::string& path);

} // namespace coir::detail
