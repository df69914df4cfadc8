// SPDX-License-Identifier: MIT
#pragma once
// Owns how the schedule of a failure is made short: places where it leaves the usual way are taken
// out, as long as the same failure comes.
//
// First half of them, a quarter, ... and each alone (Zeller's ddmin). Then, since a place and the
// one that undoes it go only together, neighbours, and last any two. With each success it begins
// with single ones again.

#include "testing/run_plan.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace coir::detail {

class shortening {
public:
    /// Begins with a failed run. `runs` is how many may be made.
    void begin(const finished_run& failed, std::size_t runs);

    /// A run to try; none when there is nothing left to try.
    [[nodiscard]] std::optional<run_order> next();
    void ended(const finished_run& run);

    /// The shortest that has failed so; none if not even the whole schedule did.
    [[nodiscard]] const std::optional<recorded_schedule>& shortest() const { return best_; }
    /// Of that run.
    [[nodiscard]] std::uint64_t switches() const { return switches_; }
    [[nodiscard]] std::size_t runs() const { return runs_; }

private:
    enum class round : std::uint8_t { parts, neighbours, pairs };
    void begin_round(round kind, std::size_t part);
    [[nodiscard]] bool next_part();
    [[nodiscard]] bool next_round();

    std::string what_;
    std::size_t most_runs_ = 0;
    std::uint64_t steps_left_ = 0;
    std::size_t runs_ = 0;
    std::uint64_t networks_tried_ = 0;
    recorded_schedule whole_;
    std::optional<recorded_schedule> best_;
    std::uint64_t switches_ = 0;
    round round_ = round::parts;
    std::size_t part_ = 0; ///< how many are taken out at once; of pairs, how far they are apart
    std::size_t from_ = 0; ///< the first of them
    bool shorter_ = false; ///< something could be taken out in this round
};

} // namespace coir::detail
