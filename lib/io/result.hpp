// SPDX-License-Identifier: MIT
#pragma once
// Owns the way from the kernel's results to error codes and counts.

#include <cstddef>
#include <string>
#include <system_error>

namespace coir::detail {

/// Reads and writes of more than this are cut anyway; keeps lengths within the kernel's 32 bits.
inline constexpr std::size_t most_bytes_at_once = std::size_t{1} << 30;

[[nodiscard]] inline std::error_code error_from(int negative_errno) noexcept {
    return {-negative_errno, std::system_category()};
}

/// Takes a result that is a count of bytes, or -errno, apart.
[[nodiscard]] inline std::size_t count_or_error(int result, std::error_code& error) noexcept {
    if (result >= 0) {
        error.clear();
        return static_cast<std::size_t>(result);
    }
    error = error_from(result);
    return 0;
}

inline void throw_if(const std::error_code& error, const std::string& what) {
    if (error) throw std::system_error{error, what};
}

} // namespace coir::detail
