// SPDX-License-Identifier: MIT
#pragma once
// Owns the errors that are coir's own.

#include <coir/detail/config.hpp>

#include <system_error>
#include <type_traits>

namespace coir {

/// What can go wrong with a stream and has no name among std::errc.
enum class errc {
    /// The stream ended before as much as was asked for had come.
    end_of_stream = 1,
    /// The connection ended without the peer's word that all has been sent, as TLS demands it.
    stream_truncated = 2,
};

/// The category of coir::errc.
[[nodiscard]] COIR_API const std::error_category& io_category() noexcept;

/// Lets an errc be compared with and assigned to a std::error_code.
[[nodiscard]] inline std::error_code make_error_code(errc error) noexcept {
    return {static_cast<int>(error), io_category()};
}

} // namespace coir

template <> struct std::is_error_code_enum<coir::errc> : std::true_type {};
