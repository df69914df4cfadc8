// SPDX-License-Identifier: MIT
#pragma once
// Owns what the fuzz targets share: how they look at their input, and how they fail.

#include <coir/io/bytes.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace fuzz {

inline std::string_view as_text(const std::uint8_t* data, std::size_t size) {
    return {reinterpret_cast<const char*>(data), size};
}

/// Fails the run, which keeps the input.
inline void insist(bool condition, const char* what, int line = __builtin_LINE()) {
    if (condition) return;
    std::fprintf(stderr, "line %d: not so: %s\n", line, what);
    std::abort();
}

} // namespace fuzz
