// SPDX-License-Identifier: MIT
#pragma once
// Owns the address of a peer: an IPv4 or IPv6 address and a port.

#include <coir/detail/config.hpp>

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace coir {

/// An IPv4 or IPv6 address with a port. A default-made one is 0.0.0.0:0.
class COIR_API endpoint {
public:
    endpoint() noexcept;
    /// Parses a numeric address ("127.0.0.1", "::1", "fe80::1%eth0"). Throws std::invalid_argument.
    endpoint(std::string_view address, std::uint16_t port);
    /// From the kernel's form; throws std::invalid_argument for other families.
    [[nodiscard]] static endpoint from_native(const void* address, std::size_t size);

    /// The parts: address without port or brackets, port, and whether it is one of IPv6.
    [[nodiscard]] std::string address() const;
    [[nodiscard]] std::uint16_t port() const noexcept;
    [[nodiscard]] bool is_v6() const noexcept;
    /// "127.0.0.1:80" or "[::1]:80".
    [[nodiscard]] std::string to_string() const;

    /// The kernel's form: a sockaddr_in or sockaddr_in6.
    [[nodiscard]] const void* native() const noexcept { return native_.data(); }
    [[nodiscard]] std::uint32_t native_size() const noexcept;

    [[nodiscard]] friend bool operator==(const endpoint&, const endpoint&) noexcept = default;
    [[nodiscard]] friend auto operator<=>(const endpoint&, const endpoint&) noexcept = default;

private:
    alignas(4) std::array<std::byte, 28> native_{};
};

} // namespace coir
