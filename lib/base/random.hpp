// SPDX-License-Identifier: MIT
#pragma once
// Owns the small fast generator behind "uniformly random" choices.

#include <cstdint>

namespace coir::detail {

__extension__ using uint128 = unsigned __int128;

/// wyrand (Wang Yi): one multiplication a number, passes BigCrush.
class fast_random {
public:
    explicit fast_random(std::uint64_t seed) noexcept : state_{seed} {}

    std::uint64_t next() noexcept {
        state_ += 0xa0761d6478bd642fULL;
        const uint128 product = static_cast<uint128>(state_) * (state_ ^ 0xe7037ed1a0b428dbULL);
        return static_cast<std::uint64_t>(product >> 64) ^ static_cast<std::uint64_t>(product);
    }

    /// Returns a number below `bound`; the bias is below bound / 2^32 (Lemire, 2016).
    std::uint32_t below(std::uint32_t bound) noexcept {
        return static_cast<std::uint32_t>(((next() >> 32) * bound) >> 32);
    }

private:
    std::uint64_t state_;
};

} // namespace coir::detail
