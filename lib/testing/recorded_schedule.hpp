// SPDX-License-Identifier: MIT
#pragma once
// Owns schedules that are known choice by choice: how a seed, or a line of text, tells one.
//
// A run without a strategy goes its usual way: who runs goes on, and who stops is followed by the
// next in the order of ids. A recorded schedule says where it leaves that way. Few such places are
// needed to reach most bugs, so that they fit into a seed; the rest stands in the report.
//
//     bits 63..61  110, the kind
//     bits 60..0   from the highest set bit, which is none of it: the network's draws (2), how many
//                  plain bits a distance has (3) and a choice (2), then pairs of the distance to
//                  the place before and the choice, as exponential Golomb codes

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace coir::detail {

/// So many bits of what the network draws from fit into a seed.
inline constexpr unsigned seed_network_bits = 2;

/// At the choice of that number, counted from 0, another is chosen than usual. In other words: at
/// the choice `own` of those that fell while `party` was the last to run. That still says the same
/// where other deviations are left out before it, but is no part of seeds.
struct deviation {
    std::uint64_t at = 0;
    std::uint64_t choice = 0;
    std::uint64_t party = 0;
    std::uint64_t own = 0;
    [[nodiscard]] friend bool operator==(const deviation& left, const deviation& right) noexcept {
        return left.at == right.at && left.choice == right.choice;
    }
};

/// `deviations` are in the order in which they come.
struct recorded_schedule {
    std::uint64_t network = 0; ///< what the simulated network draws from
    std::vector<deviation> deviations;
    [[nodiscard]] friend bool operator==(const recorded_schedule&,
                                         const recorded_schedule&) = default;
};

[[nodiscard]] bool is_recorded(std::uint64_t seed) noexcept;

/// The seed that says it all; none if there is too much of it.
[[nodiscard]] std::optional<std::uint64_t> seed_of(const recorded_schedule& schedule);
/// A seed that this process will know. A program that has it anew needs the text as well.
[[nodiscard]] std::uint64_t remembered_seed_of(const recorded_schedule& schedule);
/// The schedule of a seed of this kind; the usual way if it is none that is known.
[[nodiscard]] recorded_schedule recorded_of(std::uint64_t seed);

[[nodiscard]] std::string to_text(const recorded_schedule& schedule);
/// Throws std::invalid_argument.
[[nodiscard]] recorded_schedule recorded_from(const std::string& text);

} // namespace coir::detail
