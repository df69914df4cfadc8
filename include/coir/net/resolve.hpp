// SPDX-License-Identifier: MIT
#pragma once
// Owns the way from names to addresses.

#include <coir/detail/config.hpp>
#include <coir/net/endpoint.hpp>

#include <cstdint>
#include <string>
#include <system_error>
#include <vector>

namespace coir {

/// The errors of getaddrinfo(3), EAI_*.
[[nodiscard]] COIR_API const std::error_category& resolve_category() noexcept;

/// Looks the name up as getaddrinfo(3) does, on a thread of the process for such calls (256 at the
/// most) unless it is a numeric address. Parks the caller; from any thread. Returns the addresses
/// in the order in which to try them; never an empty vector. Throws std::system_error in
/// resolve_category(), and `cancelled`: the look-up is then left behind, and nothing waits for it.
[[nodiscard]] COIR_API std::vector<endpoint> resolve(const std::string& host,
                                                     const std::string& service);
[[nodiscard]] COIR_API std::vector<endpoint>
resolve(const std::string& host, const std::string& service, std::error_code& error);
[[nodiscard]] COIR_API std::vector<endpoint> resolve(const std::string& host, std::uint16_t port);
[[nodiscard]] COIR_API std::vector<endpoint> resolve(const std::string& host, std::uint16_t port,
                                                     std::error_code& error);

} // namespace coir
