// SPDX-License-Identifier: MIT
#include "testing/schedule.hpp"

#include <algorithm>
#include <bit>
#include <functional>

namespace coir::detail {
namespace {

constexpr unsigned strategy_shift = 62;
constexpr unsigned depth_shift = 58;
constexpr unsigned length_shift = 52;
constexpr std::uint64_t randomness_mask = (std::uint64_t{1} << length_shift) - 1;
constexpr std::uint64_t depth_mask = 15;
constexpr std::uint64_t length_mask = 63;
constexpr std::uint64_t middle_priority = std::uint64_t{1} << 63;

// Two codes to the octave: 1, 1, 2, 3, 4, 6, 8, 12, ...
std::uint64_t length_of(std::uint64_t code) noexcept {
    const std::uint64_t octave = std::uint64_t{1} << (code / 2);
    return octave + (code % 2 != 0 ? octave / 2 : 0);
}

std::uint64_t code_of(std::uint64_t length) noexcept {
    std::uint64_t code = 0;
    while (code < length_mask && length_of(code) < length) ++code;
    return code;
}

} // namespace

std::uint64_t mix(std::uint64_t value) noexcept { return fast_random{value}.next(); }

std::uint64_t seed_of(const schedule_plan& plan) noexcept {
    const std::uint64_t randomness = plan.randomness & randomness_mask;
    if (plan.kind != strategy::pct) {
        return static_cast<std::uint64_t>(plan.kind) << strategy_shift | randomness;
    }
    return static_cast<std::uint64_t>(plan.kind) << strategy_shift |
           std::min<std::uint64_t>(plan.depth, depth_mask) << depth_shift |
           code_of(plan.length) << length_shift | randomness;
}

schedule_plan plan_of(std::uint64_t seed) noexcept {
    schedule_plan plan;
    const std::uint64_t kind = seed >> strategy_shift;
    plan.kind = kind == 0 ? strategy::uniform : kind == 1 ? strategy::sticky : strategy::pct;
    plan.depth = static_cast<unsigned>(seed >> depth_shift & depth_mask);
    plan.length = length_of(seed >> length_shift & length_mask);
    plan.randomness = seed & randomness_mask;
    return plan;
}

void seeded_schedule::begin(std::uint64_t seed) {
    plan_ = plan_of(seed);
    random_ = fast_random{mix(seed)};
    steps_ = 0;
    bottom_ = middle_priority;
    priorities_.clear();
    change_points_.clear();
    if (plan_.kind != strategy::pct) return;
    for (unsigned i = 1; i < plan_.depth; ++i) {
        change_points_.push_back(1 + random_.next() % plan_.length);
    }
    std::sort(change_points_.begin(), change_points_.end(), std::greater<>{});
}

std::size_t seeded_schedule::choose(std::span<const std::uint64_t> parties, std::size_t running,
                                    bool gives_way) {
    ++steps_;
    if (plan_.kind == strategy::pct) {
        if (running != none && gives_way) drop_to_bottom(parties[running]);
        drop_at_change_points(parties, running);
        return choose_highest(parties);
    }
    if (running != none && gives_way && parties.size() > 1) {
        return choose_uniformly(parties.size(), running);
    }
    if (running != none && plan_.kind == strategy::sticky && random_.below(4) != 0) return running;
    return choose_uniformly(parties.size(), none);
}

std::size_t seeded_schedule::choose_uniformly(std::size_t count, std::size_t excluded) {
    if (excluded == none) return random_.below(static_cast<std::uint32_t>(count));
    const std::size_t drawn = random_.below(static_cast<std::uint32_t>(count - 1));
    return drawn < excluded ? drawn : drawn + 1;
}

std::uint64_t& seeded_schedule::priority_of(std::uint64_t party) {
    if (party >= priorities_.size()) priorities_.resize(party + 1);
    std::uint64_t& priority = priorities_[party];
    if (priority == 0) priority = random_.next() | middle_priority;
    return priority;
}

void seeded_schedule::drop_to_bottom(std::uint64_t party) { priority_of(party) = --bottom_; }

void seeded_schedule::drop_at_change_points(std::span<const std::uint64_t> parties,
                                            std::size_t running) {
    while (!change_points_.empty() && steps_ >= change_points_.back()) {
        change_points_.pop_back();
        // Between two runners nobody runs; then it strikes who would be next.
        drop_to_bottom(parties[running != none ? running : choose_highest(parties)]);
    }
}

std::size_t seeded_schedule::choose_highest(std::span<const std::uint64_t> parties) {
    std::size_t highest = 0;
    for (std::size_t i = 1; i < parties.size(); ++i) {
        if (priority_of(parties[i]) > priority_of(parties[highest])) highest = i;
    }
    return highest;
}

} // namespace coir::detail
