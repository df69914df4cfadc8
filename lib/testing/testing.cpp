// SPDX-License-Identifier: MIT
// Owns simulate and explore: which runs to make, and what to say of one that failed.

#include "testing/search.hpp"
#include "testing/shortening.hpp"
#include "testing/simulation.hpp"

#include <coir/detail/launch.hpp>
#include <coir/testing.hpp>

#include <cstdio>
#include <memory>
#include <utility>

namespace coir::testing {

failure::failure(const std::string& text, std::uint64_t seed, std::exception_ptr cause)
    : std::runtime_error{text}, seed_{seed}, cause_{std::move(cause)} {}
failure::failure(const failure&) noexcept = default;
failure& failure::operator=(const failure&) noexcept = default;
failure::~failure() = default;

namespace detail {
namespace {

using coir::detail::finished_run;
using coir::detail::recorded_schedule;
using coir::detail::run_failure;
using coir::detail::run_order;
using coir::detail::search;

class one_run final : public coir::detail::run_plan {
public:
    explicit one_run(run_order order) : order_{std::move(order)} {}
    std::optional<run_order> next() override { return std::exchange(order_, std::nullopt); }
    void ended(const finished_run& run) override {
        if (run.failure != nullptr) failure = std::move(*run.failure);
    }
    std::optional<run_failure> failure;

private:
    std::optional<run_order> order_;
};

/// A search, and if it finds a failure: runs that make its schedule shorter; where no seed can tell
/// such a one, some others in search of a failure of the same kind with fewer switches, which is
/// easier to read; then the best once more.
class exploration final : public coir::detail::run_plan {
public:
    exploration(search& found_by, std::size_t shortening_runs)
        : search_{found_by}, most_runs_{shortening_runs} {}

    std::optional<run_order> next() override {
        if (stage_ == stage::searching) return search_.next();
        if (stage_ == stage::shortening) {
            if (std::optional<run_order> order = shorter_.next()) return order;
            choose_shortest();
            stage_ = best_.recorded ? stage::repeating : stage::simplifying;
        }
        if (stage_ == stage::simplifying) {
            if (std::optional<run_order> order = search_.simpler()) return order;
            stage_ = stage::repeating;
        }
        return std::exchange(repeated_, true) ? std::nullopt : std::optional{best_};
    }

    void ended(const finished_run& run) override {
        switch (stage_) {
        case stage::searching:
            search_.ended(run);
            if (run.failure == nullptr) return;
            first_switches_ = run.failure->switches;
            stage_ = stage::shortening;
            shorter_.begin(run, most_runs_);
            return keep(run);
        case stage::shortening: return shorter_.ended(run);
        case stage::simplifying:
            ++tries_;
            if (is_same(run) && run.failure->switches < failure->switches) keep(run);
            return;
        case stage::repeating:
            same_again_ = is_same(run);
            if (same_again_) failure = std::move(*run.failure);
        }
    }

    [[nodiscard]] std::uint64_t seed() const {
        return best_.recorded ? remembered_seed_of(*best_.recorded) : best_.seed;
    }
    /// What a seed alone does not tell another process; empty if there is nothing.
    [[nodiscard]] std::string choices() const {
        if (!best_.recorded || seed_of(*best_.recorded)) return {};
        return to_text(*best_.recorded);
    }

    [[nodiscard]] std::string remark(const explore_options& options) const {
        std::string text = "  found by schedule " + std::to_string(search_.result().schedules);
        if (options.schedules) text += " of " + std::to_string(*options.schedules);
        if (failure->switches < first_switches_) {
            text += ", shortened from " + std::to_string(first_switches_) + " switches to " +
                    std::to_string(failure->switches) + " in " +
                    std::to_string(tries_ + shorter_.runs()) + " runs";
        }
        text += "\n";
        if (repeated_ && !same_again_) {
            text += "  the same schedule once more did not fail so: the program depends on "
                    "something that the simulation does not control\n";
        }
        return text;
    }

    std::optional<run_failure> failure;

private:
    enum class stage : std::uint8_t { searching, shortening, simplifying, repeating };

    [[nodiscard]] bool is_same(const finished_run& run) const {
        return run.failure != nullptr && run.failure->what == failure->what;
    }
    void keep(const finished_run& run) {
        best_ = run.order;
        failure = std::move(*run.failure);
    }

    // A seed that says it all is worth more than a few switches.
    void choose_shortest() {
        const std::optional<recorded_schedule>& shortest = shorter_.shortest();
        if (!shortest) return;
        const bool tells_all = seed_of(*shortest).has_value();
        if (best_.recorded || (tells_all && shorter_.switches() <= failure->switches)) {
            best_ = {0, shortest};
        }
    }

    search& search_;
    const std::size_t most_runs_;
    stage stage_ = stage::searching;
    run_order best_;
    coir::detail::shortening shorter_;
    std::size_t tries_ = 0;
    std::uint64_t first_switches_ = 0;
    bool repeated_ = false;
    bool same_again_ = false;
};

// How to have the run again, and what is known of it.
[[noreturn]] void report(run_failure& failed, std::uint64_t seed, const std::string& choices,
                         const std::string& remark, const network_options& network) {
    char number[32];
    std::snprintf(number, sizeof number, "0x%llx", static_cast<unsigned long long>(seed));
    std::string text = "coir::testing: " + failed.what + "\n" + failed.details +
                       "  once more: coir::testing::simulate({.seed = " + number;
    if (!choices.empty()) text += ", .choices = \"" + choices + "\"";
    if (network != network_options{}) text += ", .network = ...";
    text += "}, body)\n" + remark;
    if (!failed.steps.empty()) text += "  the last steps, by coroutine:\n" + failed.steps;
    throw failure{text, seed, std::move(failed.cause)};
}

} // namespace

void simulate(const simulate_options& options, erased_body body) {
    coir::detail::refuse_in_coroutine("coir::testing::simulate");
    run_order order{options.seed};
    if (!options.choices.empty()) order.recorded = coir::detail::recorded_from(options.choices);
    one_run plan{std::move(order)};
    coir::detail::simulation{body, options.max_steps, options.network}.run(plan);
    if (plan.failure) report(*plan.failure, options.seed, options.choices, "", options.network);
}

explore_result explore(const explore_options& options, erased_body body) {
    coir::detail::refuse_in_coroutine("coir::testing::explore");
    const bool all = options.strategy == strategy::exhaustive;
    std::unique_ptr<search> found_by;
    if (all)
        found_by = std::make_unique<coir::detail::exhaustive_search>(options);
    else
        found_by = std::make_unique<coir::detail::mixed_search>(options);
    exploration plan{*found_by, options.shortening_runs};
    coir::detail::simulation runs{body, options.max_steps, options.network};
    if (all) runs.keep_traces();
    runs.run(plan);
    if (plan.failure) {
        report(*plan.failure, plan.seed(), plan.choices(), plan.remark(options), options.network);
    }
    return found_by->result();
}

} // namespace detail
} // namespace coir::testing
