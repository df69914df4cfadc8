// SPDX-License-Identifier: MIT
#pragma once
// Owns finding the prime factors of a number.

#include <cstdint>
#include <vector>

namespace farm {

/// Returns the prime factors in ascending order; none for 0 and 1. The largest numbers take some
/// ten thousand steps.
std::vector<std::uint64_t> prime_factors(std::uint64_t n);

} // namespace farm
