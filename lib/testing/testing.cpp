// SPDX-License-Identifier: MIT
// Owns simulate and explore: which runs to make, and what to say of one that failed.

#include "testing/simulation.hpp"

#include <coir/detail/launch.hpp>
#include <coir/testing.hpp>

#include <algorithm>
#include <cstdio>

namespace coir::testing {

failure::failure(const std::string& text, std::uint64_t seed, std::exception_ptr cause)
    : std::runtime_error{text}, seed_{seed}, cause_{std::move(cause)} {}
failure::failure(const failure&) noexcept = default;
failure& failure::operator=(const failure&) noexcept = default;
failure::~failure() = default;

namespace detail {
namespace {

using coir::detail::run_failure;
using coir::detail::schedule_plan;
using coir::detail::strategy;

class one_run final : public coir::detail::run_plan {
public:
    explicit one_run(std::uint64_t seed) : seed_{seed} {}
    std::optional<std::uint64_t> next() override { return std::exchange(seed_, std::nullopt); }
    void ended(std::uint64_t, std::uint64_t, run_failure* failed) override {
        if (failed != nullptr) failure = std::move(*failed);
    }
    std::optional<run_failure> failure;

private:
    std::optional<std::uint64_t> seed_;
};

/// Half of the schedules random, half PCT. When one has failed, some more in search of a failure of
/// the same kind with fewer switches, which is easier to read; then that one once more.
class search final : public coir::detail::run_plan {
public:
    explicit search(const explore_options& options) : options_{options} {}

    std::optional<std::uint64_t> next() override {
        if (!failure) {
            if (count_ == options_.schedules) return std::nullopt;
            return seed_of(plan_for(count_++));
        }
        if (simpler_tries_ < most_simpler_tries) return seed_of(simpler_plan(simpler_tries_++));
        return std::exchange(replayed_, true) ? std::nullopt : std::optional{failure->seed};
    }

    void ended(std::uint64_t seed, std::uint64_t steps, run_failure* failed) override {
        longest_ = std::max(longest_, steps);
        const bool same = failure && failed != nullptr && failed->what == failure->what;
        if (replayed_) {
            same_again_ = same && seed == failure->seed;
        } else if (!failure ? failed != nullptr : same && failed->switches < failure->switches) {
            failure = std::move(*failed);
        }
    }

    [[nodiscard]] std::string remark() const {
        std::string text = "  found by schedule " + std::to_string(count_) + " of " +
                           std::to_string(options_.schedules) + "\n";
        if (replayed_ && !same_again_) {
            text += "  the same schedule once more did not fail so: the program depends on "
                    "something that the simulation does not control\n";
        }
        return text;
    }

    std::optional<run_failure> failure;

private:
    static constexpr std::size_t most_simpler_tries = 200;

    [[nodiscard]] schedule_plan plan_for(std::size_t number) const {
        schedule_plan plan;
        plan.randomness = coir::detail::mix(options_.seed + coir::detail::mix(number));
        plan.length = longest_;
        if (number % 2 != 0) {
            plan.kind = strategy::pct;
            plan.depth =
                1 + static_cast<unsigned>(number / 2) % std::clamp(options_.depth, 1U, 15U);
        } else if (number % 4 != 0) {
            plan.kind = strategy::sticky;
        }
        return plan;
    }

    // PCT switches least, and the less the smaller its depth.
    [[nodiscard]] schedule_plan simpler_plan(std::size_t number) const {
        schedule_plan plan = plan_for(number);
        plan.kind = strategy::pct;
        plan.depth = 1 + static_cast<unsigned>(number) % 3;
        plan.randomness = ~plan.randomness;
        return plan;
    }

    const explore_options options_;
    std::size_t count_ = 0;
    std::size_t simpler_tries_ = 0;
    std::uint64_t longest_ = 1;
    bool replayed_ = false;
    bool same_again_ = false;
};

[[noreturn]] void report(run_failure& failed, const std::string& remark,
                         const network_options& network) {
    char seed[32];
    std::snprintf(seed, sizeof seed, "0x%llx", static_cast<unsigned long long>(failed.seed));
    std::string text = "coir::testing: " + failed.what + "\n" + failed.details +
                       "  once more: coir::testing::simulate({.seed = " + seed +
                       (network == network_options{} ? "" : ", .network = ...") + "}, body)\n" +
                       remark;
    if (!failed.steps.empty()) text += "  the last steps, by coroutine:\n" + failed.steps;
    throw failure{text, failed.seed, std::move(failed.cause)};
}

} // namespace

void simulate(const simulate_options& options, erased_body body) {
    coir::detail::refuse_in_coroutine("coir::testing::simulate");
    one_run plan{options.seed};
    coir::detail::simulation{body, options.max_steps, options.network}.run(plan);
    if (plan.failure) report(*plan.failure, "", options.network);
}

void explore(const explore_options& options, erased_body body) {
    coir::detail::refuse_in_coroutine("coir::testing::explore");
    search plan{options};
    coir::detail::simulation{body, options.max_steps, options.network}.run(plan);
    if (plan.failure) report(*plan.failure, plan.remark(), options.network);
}

} // namespace detail
} // namespace coir::testing
