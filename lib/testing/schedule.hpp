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
//   recorded the usual way but for the places that the seed names (recorded_schedule.hpp)
// Each strategy lets others run when somebody yields, and when somebody has gone on for long
// without parking, so that a loop that waits for others by trying does not wait for ever.
// Seeds
//   bits 63..62 strategy | 61..58 depth | 57..52 length | 51..0 randomness
//   All there is to a schedule is in its seed, so that it can be had again without its history.
//   Every number is a valid seed; small ones are uniform.

#include "base/random.hpp"
#include "testing/recorded_schedule.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace coir::detail {

enum class seed_kind : std::uint8_t { uniform, sticky, pct, recorded };

struct schedule_plan {
    seed_kind kind = seed_kind::uniform;
    unsigned depth = 1;       ///< of pct; at most 15
    std::uint64_t length = 1; ///< of pct: about how many steps a run takes; rounded when encoded
    std::uint64_t randomness = 0;
};

/// Not for recorded ones.
[[nodiscard]] std::uint64_t seed_of(const schedule_plan& plan) noexcept;
[[nodiscard]] schedule_plan plan_of(std::uint64_t seed) noexcept;

/// Spreads the bits of `value`.
[[nodiscard]] std::uint64_t mix(std::uint64_t value) noexcept;

/// One choice among several, as it was met.
struct choice_point {
    std::vector<std::uint64_t> options; ///< the usual one first, then in their order
    std::uint64_t chosen = 0;
    bool preempts = false; ///< any but the usual one interrupts somebody who could go on
};

/// The choices of one run. Parties are named by their ids, which count from 1; 0 stands for the
/// timers that are due.
class seeded_schedule {
public:
    void begin(std::uint64_t seed);
    /// `by_party`: each deviation where its party and own number say; see there.
    void begin(const recorded_schedule& schedule, bool by_party);
    /// Keeps every choice_point of the runs to come.
    void keep_trace() noexcept { traced_ = true; }
    /// Choices from here on are not recorded: the run has failed.
    void freeze() noexcept { frozen_ = true; }

    /// Returns an index into `parties`, of which the one at `running` is at a step and could go on;
    /// `none` when nobody is running. `gives_way`: it wants others to run.
    [[nodiscard]] std::size_t choose(std::span<const std::uint64_t> parties, std::size_t running,
                                     bool gives_way);
    static constexpr std::size_t none = static_cast<std::size_t>(-1);

    /// Returns a number below `count`.
    [[nodiscard]] std::uint32_t choose_variant(std::uint32_t count);
    /// Any number, for what is not worth a choice; the same for a recorded schedule.
    [[nodiscard]] std::uint64_t draw() noexcept;

    /// What the simulated network draws from in this run.
    [[nodiscard]] std::uint64_t network() const noexcept { return network_; }
    /// Where the run has left the usual way, perhaps with places where it has not; empty if that is
    /// too much.
    [[nodiscard]] const std::vector<deviation>& deviations() const noexcept { return made_; }
    [[nodiscard]] const std::vector<choice_point>& trace() const noexcept { return trace_; }

private:
    static constexpr std::size_t most_deviations = std::size_t{1} << 16;

    void start(std::uint64_t network);
    [[nodiscard]] std::size_t choose_by_strategy(std::span<const std::uint64_t> parties,
                                                 std::size_t running, bool gives_way);
    [[nodiscard]] std::size_t choose_recorded(std::span<const std::uint64_t> parties,
                                              std::size_t running, bool gives_way);
    [[nodiscard]] std::size_t usual(std::span<const std::uint64_t> parties, std::size_t running,
                                    bool gives_way) const;
    [[nodiscard]] const deviation* deviation_here();
    [[nodiscard]] std::uint64_t& own_choices();
    void record(std::uint64_t choice);
    void count_choice();
    void keep_point(std::span<const std::uint64_t> parties, std::size_t running, bool gives_way,
                    std::size_t usual, std::size_t chosen);
    void drop_to_bottom(std::uint64_t party);
    std::uint64_t& priority_of(std::uint64_t party);
    void drop_at_change_points(std::span<const std::uint64_t> parties, std::size_t running);
    std::size_t choose_highest(std::span<const std::uint64_t> parties);
    std::size_t choose_uniformly(std::size_t count, std::size_t excluded);

    schedule_plan plan_;
    fast_random random_{0};
    std::uint64_t network_ = 0;
    std::uint64_t steps_ = 0;
    std::uint64_t bottom_ = 0;                 ///< lower than all priorities given so far
    std::vector<std::uint64_t> priorities_;    ///< by party; 0: none yet
    std::vector<std::uint64_t> change_points_; ///< descending; the next one is the last

    bool traced_ = false;
    bool frozen_ = false;
    std::uint64_t choices_ = 0;              ///< how many have been made among several
    std::uint64_t last_ = 0;                 ///< the coroutine that was chosen last
    std::uint64_t interrupted_ = 0;          ///< by a timer; it goes on where it can
    std::vector<std::uint64_t> own_choices_; ///< by who was the last to run
    bool by_party_ = false;
    std::vector<deviation> wanted_; ///< of a recorded schedule; by party sorted so
    std::size_t next_wanted_ = 0;
    std::vector<deviation> made_;
    std::vector<choice_point> trace_;
};

} // namespace coir::detail
