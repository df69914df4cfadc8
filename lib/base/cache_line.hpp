// SPDX-License-Identifier: MIT
#pragma once
// Owns the distance that keeps two hot words of different threads out of one cache line.

#include <cstddef>

namespace coir::detail {

// Two lines of 64 bytes: x86-64 prefetches lines in pairs, so neighbours share fate.
inline constexpr std::size_t cache_line_bytes = 128;

} // namespace coir::detail
