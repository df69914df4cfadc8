// SPDX-License-Identifier: MIT
#include "testing/schedule.hpp"

#include <algorithm>
#include <bit>
#include <functional>
#include <tuple>

namespace coir::detail {
namespace {

constexpr unsigned strategy_shift = 62;
constexpr unsigned depth_shift = 58;
constexpr unsigned length_shift = 52;
constexpr std::uint64_t randomness_mask = (std::uint64_t{1} << length_shift) - 1;
constexpr std::uint64_t depth_mask = 15;
constexpr std::uint64_t length_mask = 63;
constexpr std::uint64_t network_salt = 0x6e6574776f726b; // other draws than the schedule's
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

bool comes_before(const deviation& left, const deviation& right) noexcept {
    return std::tie(left.party, left.own) < std::tie(right.party, right.own);
}

} // namespace

std::uint64_t mix(std::uint64_t value) noexcept { return fast_random{value}.next(); }

std::uint64_t seed_of(const schedule_plan& plan) noexcept {
    const std::uint64_t randomness = plan.randomness & randomness_mask;
    if (plan.kind != seed_kind::pct) {
        return static_cast<std::uint64_t>(plan.kind) << strategy_shift | randomness;
    }
    return static_cast<std::uint64_t>(plan.kind) << strategy_shift |
           std::min<std::uint64_t>(plan.depth, depth_mask) << depth_shift |
           code_of(plan.length) << length_shift | randomness;
}

schedule_plan plan_of(std::uint64_t seed) noexcept {
    schedule_plan plan;
    plan.kind = static_cast<seed_kind>(seed >> strategy_shift);
    plan.depth = static_cast<unsigned>(seed >> depth_shift & depth_mask);
    plan.length = length_of(seed >> length_shift & length_mask);
    plan.randomness = seed & randomness_mask;
    return plan;
}

void seeded_schedule::start(std::uint64_t network) {
    network_ = network;
    steps_ = 0;
    bottom_ = middle_priority;
    priorities_.clear();
    change_points_.clear();
    frozen_ = false;
    choices_ = last_ = interrupted_ = 0;
    own_choices_.clear();
    by_party_ = false;
    wanted_.clear();
    next_wanted_ = 0;
    made_.clear();
    trace_.clear();
}

void seeded_schedule::begin(const recorded_schedule& schedule, bool by_party) {
    start(schedule.network);
    plan_ = {.kind = seed_kind::recorded};
    random_ = fast_random{mix(schedule.network)};
    wanted_ = schedule.deviations;
    by_party_ = by_party;
    if (by_party) std::ranges::sort(wanted_, comes_before);
}

void seeded_schedule::begin(std::uint64_t seed) {
    if (is_recorded(seed)) return begin(recorded_of(seed), false);
    start(mix(seed ^ network_salt));
    plan_ = plan_of(seed);
    random_ = fast_random{mix(seed)};
    if (plan_.kind != seed_kind::pct) return;
    for (unsigned i = 1; i < plan_.depth; ++i) {
        change_points_.push_back(1 + random_.next() % plan_.length);
    }
    std::ranges::sort(change_points_, std::greater<>{});
}

// --- Choices --------------------------------------------------------------------------------

std::size_t seeded_schedule::choose(std::span<const std::uint64_t> parties, std::size_t running,
                                    bool gives_way) {
    ++steps_;
    const bool by_record = plan_.kind == seed_kind::recorded;
    const std::size_t chosen = by_record ? choose_recorded(parties, running, gives_way)
                                         : choose_by_strategy(parties, running, gives_way);
    if (!by_record && parties.size() > 1) {
        const bool goes_on = chosen == running && !gives_way;
        if (!goes_on) record(parties[chosen]);
        count_choice();
    }
    interrupted_ = parties[chosen] == 0 && running != none ? parties[running] : 0;
    if (parties[chosen] != 0) last_ = parties[chosen];
    return chosen;
}

std::size_t seeded_schedule::choose_by_strategy(std::span<const std::uint64_t> parties,
                                                std::size_t running, bool gives_way) {
    if (plan_.kind == seed_kind::pct) {
        if (running != none && gives_way) drop_to_bottom(parties[running]);
        drop_at_change_points(parties, running);
        return choose_highest(parties);
    }
    if (running != none && gives_way && parties.size() > 1) {
        return choose_uniformly(parties.size(), running);
    }
    const bool sticky = plan_.kind == seed_kind::sticky;
    if (running != none && sticky && random_.below(4) != 0) return running;
    return choose_uniformly(parties.size(), none);
}

std::size_t seeded_schedule::choose_recorded(std::span<const std::uint64_t> parties,
                                             std::size_t running, bool gives_way) {
    if (parties.size() == 1) return 0;
    const std::size_t normal = usual(parties, running, gives_way);
    std::size_t chosen = normal;
    if (const deviation* const here = deviation_here()) {
        const auto found = std::ranges::find(parties, here->choice);
        if (found != parties.end()) chosen = static_cast<std::size_t>(found - parties.begin());
    }
    if (chosen != normal) record(parties[chosen]);
    if (traced_ && !frozen_) keep_point(parties, running, gives_way, normal, chosen);
    count_choice();
    return chosen;
}

// Who runs goes on; else the next in the order of ids, round and round.
std::size_t seeded_schedule::usual(std::span<const std::uint64_t> parties, std::size_t running,
                                   bool gives_way) const {
    if (running != none && !gives_way) return running;
    std::size_t best = none;
    const auto rank = [this](std::uint64_t party) { return party - last_ - 1; }; // wraps
    for (std::size_t i = 0; i < parties.size(); ++i) {
        if (i == running) continue;
        if (interrupted_ != 0 && parties[i] == interrupted_) return i;
        if (best == none || rank(parties[i]) < rank(parties[best])) best = i;
    }
    return best;
}

std::uint64_t& seeded_schedule::own_choices() {
    if (last_ >= own_choices_.size()) own_choices_.resize(last_ + 1);
    return own_choices_[last_];
}

void seeded_schedule::count_choice() {
    ++choices_;
    ++own_choices();
}

const deviation* seeded_schedule::deviation_here() {
    if (by_party_) {
        const deviation here{.party = last_, .own = own_choices()};
        const auto found = std::ranges::lower_bound(wanted_, here, comes_before);
        const bool is_here = found != wanted_.end() && !comes_before(here, *found);
        return is_here ? &*found : nullptr;
    }
    while (next_wanted_ < wanted_.size() && wanted_[next_wanted_].at < choices_) ++next_wanted_;
    const bool here = next_wanted_ < wanted_.size() && wanted_[next_wanted_].at == choices_;
    return here ? &wanted_[next_wanted_] : nullptr;
}

void seeded_schedule::record(std::uint64_t choice) {
    if (!frozen_ && made_.size() < most_deviations)
        made_.push_back({choices_, choice, last_, own_choices()});
}

void seeded_schedule::keep_point(std::span<const std::uint64_t> parties, std::size_t running,
                                 bool gives_way, std::size_t usual, std::size_t chosen) {
    choice_point& kept = trace_.emplace_back();
    kept.chosen = parties[chosen];
    kept.preempts = running != none;
    kept.options.push_back(parties[usual]);
    for (std::size_t i = 0; i < parties.size(); ++i) {
        if (i != usual && !(gives_way && i == running)) kept.options.push_back(parties[i]);
    }
    std::sort(kept.options.begin() + 1, kept.options.end());
}

std::uint32_t seeded_schedule::choose_variant(std::uint32_t count) {
    std::uint32_t chosen = 0;
    if (plan_.kind != seed_kind::recorded) {
        chosen = random_.below(count);
    } else if (const deviation* const here = deviation_here()) {
        chosen = static_cast<std::uint32_t>(here->choice % count);
    }
    if (chosen != 0) record(chosen);
    if (traced_ && !frozen_) {
        choice_point& kept = trace_.emplace_back();
        kept.chosen = chosen;
        for (std::uint32_t i = 0; i < count; ++i) kept.options.push_back(i);
    }
    count_choice();
    return chosen;
}

std::uint64_t seeded_schedule::draw() noexcept {
    return plan_.kind == seed_kind::recorded ? 0 : random_.next();
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
