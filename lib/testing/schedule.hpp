// SPDX-License-Identifier: MIT
#pragma once
// Owns what a seed means: a strategy and its choices, from the first to the last of a run.
//
// Strategies
//   uniform  each time anyone of those who can run, with equal chances
//   sticky   the running one goes on three times out of four: long stretches, few switches
//   pct      everyone has a random priority and the highest runs; at `depth - 1` random steps the
//            running one drops to the bottom. Finds a bug that needs `depth` ordered events with a
//            chance of at least 1 / (n * length^(depth - 1)) (Burckhardt et al., ASPLOS 2010).
// Each strategy lets others run when somebody yields, and when somebody has gone on for long
// without parking, so that a loop that waits for others by trying does not wait for ever.
// Seeds
//   bits 63..62 strategy | 61..58 depth | 57..52 length | 51..0 randomness
//   All there is to a schedule is in its seed, so that it can be had again without its history.
//   Every number is a valid seed; small ones are uniform.

#include "base/random.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace coir::detail {

enum class strategy : std::uint8_t { uniform, sticky, pct };

struct schedule_plan {
    strategy kind = strategy::uniform;
    unsigned depth = 1;       ///< of pct; at most 15
    std::uint64_t length = 1; ///< of pct: about how many steps a run takes; rounded when encoded
    std::uint64_t randomness = 0;
};

[[nodiscard]] std::uint64_t seed_of(const schedule_plan& plan) noexcept;
[[nodiscard]] schedule_plan plan_of(std::uint64_t seed) noexcept;

/// Spreads the bits of `value`.
[[nodiscard]] std::uint64_t mix(std::uint64_t value) noexcept;

/// The choices of one run. Parties are named by their ids, which count from 1; 0 stands for the
/// timers that are due.
class seeded_schedule {
public:
    void begin(std::uint64_t seed);

    /// Returns an index into `parties`, of which the one at `running` is at a step and could go on;
    /// `none` when nobody is running. `gives_way`: it wants others to run.
    [[nodiscard]] std::size_t choose(std::span<const std::uint64_t> parties, std::size_t running,
                                     bool gives_way);
    static constexpr std::size_t none = static_cast<std::size_t>(-1);

private:
    void drop_to_bottom(std::uint64_t party);
    std::uint64_t& priority_of(std::uint64_t party);
    void drop_at_change_points(std::span<const std::uint64_t> parties, std::size_t running);
    std::size_t choose_highest(std::span<const std::uint64_t> parties);
    std::size_t choose_uniformly(std::size_t count, std::size_t excluded);

    schedule_plan plan_;
    fast_random random_{0};
    std::uint64_t steps_ = 0;
    std::uint64_t bottom_ = 0;                 ///< lower than all priorities given so far
    std::vector<std::uint64_t> priorities_;    ///< by party; 0: none yet
    std::vector<std::uint64_t> change_points_; ///< descending; the next one is the last
};

} // namespace coir::detail
