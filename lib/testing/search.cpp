// SPDX-License-Identifier: MIT
#include "testing/search.hpp"

#include <algorithm>
#include <utility>

namespace coir::detail {

// --- Mixed ----------------------------------------------------------------------------------

std::optional<run_order> mixed_search::next() {
    constexpr std::size_t usual_count = 1'000;
    if (count_ == options_.schedules.value_or(usual_count)) return std::nullopt;
    return run_order{seed_of(plan_for(count_++))};
}

void mixed_search::ended(const finished_run& run) { longest_ = std::max(longest_, run.steps); }

schedule_plan mixed_search::plan_for(std::size_t number) const {
    schedule_plan plan;
    plan.randomness = mix(options_.seed + mix(number));
    plan.length = longest_;
    if (number % 2 != 0) {
        plan.kind = seed_kind::pct;
        plan.depth = 1 + static_cast<unsigned>(number / 2) % std::clamp(options_.depth, 1U, 15U);
    } else if (number % 4 != 0) {
        plan.kind = seed_kind::sticky;
    }
    return plan;
}

// PCT switches least, and the less the smaller its depth.
std::optional<run_order> mixed_search::simpler() {
    constexpr std::size_t most_tries = 100;
    if (simpler_tries_ == most_tries) return std::nullopt;
    schedule_plan plan = plan_for(simpler_tries_);
    plan.kind = seed_kind::pct;
    plan.depth = 1 + static_cast<unsigned>(simpler_tries_) % 3;
    plan.randomness = ~plan.randomness;
    ++simpler_tries_;
    return run_order{seed_of(plan)};
}

// --- Exhaustive -----------------------------------------------------------------------------

std::optional<run_order> exhaustive_search::next() {
    if (done_ || runs_ == options_.schedules) return std::nullopt;
    ++runs_;
    recorded_schedule way;
    for (std::size_t at = 0; at < way_.size(); ++at) {
        const branch& one = way_[at];
        if (one.taken != 0)
            way.deviations.push_back({.at = at, .choice = one.point.options[one.taken]});
    }
    return run_order{0, std::move(way)};
}

void exhaustive_search::ended(const finished_run& run) {
    extend(run.schedule.trace());
    const unsigned used = way_.empty() ? 0 : way_.back().preemptions + cost(way_.back());
    if (used == bound_) ++schedules_; // those with fewer have been counted
    step();
}

void exhaustive_search::extend(const std::vector<choice_point>& trace) {
    for (std::size_t at = 0; at < trace.size(); ++at) {
        if (at < way_.size()) {
            if (trace[at].options != way_[at].point.options) diverged_ = true;
            continue;
        }
        const unsigned before = at == 0 ? 0 : way_.back().preemptions + cost(way_.back());
        way_.push_back({trace[at], 0, before});
    }
    if (trace.size() >= way_.size()) return;
    diverged_ = true;
    way_.resize(trace.size());
}

// To the last choice that has another possibility within the bound.
void exhaustive_search::step() {
    for (; !way_.empty(); way_.pop_back()) {
        branch& last = way_.back();
        if (last.taken + 1 == last.point.options.size()) continue;
        const bool affordable = last.preemptions + (last.point.preempts ? 1 : 0) <= bound_;
        if (affordable) {
            ++last.taken;
            return;
        }
        bounded_ = true;
    }
    if (std::exchange(bounded_, false) && bound_ < options_.preemptions) {
        ++bound_;
    } else {
        done_ = true;
    }
}

} // namespace coir::detail
