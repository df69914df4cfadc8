// SPDX-License-Identifier: MIT
#pragma once
// Owns which coir this is: by its headers, and by the library that a program runs with.

#include <coir/detail/config.hpp>

#include <string_view>

/// The version of the headers, for the preprocessor. meson.build says the same.
#define COIR_VERSION_MAJOR 0
#define COIR_VERSION_MINOR 1
#define COIR_VERSION_PATCH 0

/// The same as one number, to compare with: 102003 is 10.20.3.
#define COIR_VERSION (COIR_VERSION_MAJOR * 10000 + COIR_VERSION_MINOR * 100 + COIR_VERSION_PATCH)

namespace coir {

/// Returns the version of the library that is linked, as "0.1.0"; a shared one may be newer than
/// the headers a program was compiled with. The text ends in a NUL and lives for ever. For anybody,
/// inside and outside `run`.
[[nodiscard]] COIR_API std::string_view version() noexcept;

} // namespace coir
