// SPDX-License-Identifier: MIT
#include "testing/shortening.hpp"

#include <algorithm>

namespace coir::detail {
namespace {

constexpr std::uint64_t most_steps = 20'000'000; // of all tries, some seconds
constexpr std::uint64_t networks = std::uint64_t{1} << seed_network_bits;
constexpr std::size_t most_neighbours = 6;

} // namespace

void shortening::begin(const finished_run& failed, std::size_t runs) {
    what_ = failed.failure->what;
    most_runs_ = runs;
    steps_left_ = most_steps;
    whole_ = {failed.schedule.network(), failed.schedule.deviations()};
}

std::optional<run_order> shortening::next() {
    if (runs_ >= most_runs_ || steps_left_ == 0) return std::nullopt;
    if (!best_) {
        // First with another network, which a seed can name; that matters to few programs.
        if (networks_tried_ == networks) return std::nullopt;
        recorded_schedule other = whole_;
        other.network = networks_tried_++;
        return run_order{0, std::move(other)};
    }
    if (!next_part()) return std::nullopt;
    recorded_schedule shorter = *best_;
    std::vector<deviation>& left = shorter.deviations;
    const auto at = [&left](std::size_t index) {
        return left.begin() + static_cast<std::ptrdiff_t>(index);
    };
    if (round_ == round::pairs) {
        left.erase(at(from_ + part_));
        left.erase(at(from_));
    } else {
        left.erase(at(from_), at(std::min(from_ + part_, left.size())));
    }
    return run_order{0, std::move(shorter), true};
}

void shortening::begin_round(round kind, std::size_t part) {
    round_ = kind;
    part_ = part;
    from_ = 0;
    shorter_ = false;
}

// Whether there is a part left to take out.
bool shortening::next_part() {
    const std::size_t size = best_->deviations.size();
    if (size == 0) return false;
    if (part_ == 0) begin_round(round::parts, (size + 1) / 2);
    while (from_ + (round_ == round::parts ? 1 : part_ + (round_ == round::pairs ? 1 : 0)) > size) {
        if (!next_round()) return false;
    }
    return true;
}

bool shortening::next_round() {
    const std::size_t size = best_->deviations.size();
    if (round_ == round::parts && part_ > 1) {
        begin_round(round::parts, std::clamp<std::size_t>(part_ / 2, 1, size));
    } else if (shorter_) {
        begin_round(round::parts, 1);
    } else if (round_ == round::parts) {
        begin_round(round::neighbours, 2);
    } else if (round_ == round::neighbours && part_ < most_neighbours && part_ < size) {
        begin_round(round::neighbours, part_ + 1);
    } else if (round_ == round::neighbours) {
        begin_round(round::pairs, 2);
    } else if (part_ + 1 < size) {
        begin_round(round::pairs, part_ + 1);
    } else {
        return false;
    }
    return true;
}

void shortening::ended(const finished_run& run) {
    ++runs_;
    steps_left_ -= std::min(steps_left_, std::max<std::uint64_t>(run.steps, 1));
    const bool same = run.failure != nullptr && run.failure->what == what_;
    // What it has really made of the choices: some may have come to nothing.
    recorded_schedule made{run.schedule.network(), run.schedule.deviations()};
    const bool better = same && (!best_ || made.deviations.size() < best_->deviations.size());
    if (better) {
        shorter_ = best_.has_value();
        best_ = std::move(made);
        switches_ = run.failure->switches;
    } else if (best_) {
        from_ += round_ == round::parts ? part_ : 1;
    }
}

} // namespace coir::detail
