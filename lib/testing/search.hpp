// SPDX-License-Identifier: MIT
#pragma once
// Owns the two ways to look for a schedule that fails.
//
// mixed_search       half of the schedules random, half PCT's: finds bugs in programs of any size
// exhaustive_search  all schedules with at most so many preemptions, those with fewer first
//                    (Musuvathi and Qadeer, PLDI 2007): most bugs need two at most. A depth-first
//                    walk that has no state but the way to where it is: each run goes the recorded
//                    way and then the usual one, and the last choice that had another possibility
//                    gets that next. With each number of preemptions the walk begins anew, which
//                    costs less than the next number does.
// Rejected: partial-order reduction. It has to know what two steps share, and what tested code does
// between two operations of coir nobody tells us.

#include "testing/run_plan.hpp"

#include <coir/testing.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace coir::detail {

class search {
public:
    search() = default;
    search(const search&) = delete;
    search& operator=(const search&) = delete;
    virtual ~search() = default;
    /// The next run, while none has failed; none at the end.
    virtual std::optional<run_order> next() = 0;
    virtual void ended(const finished_run& run) = 0;
    /// Another run that could fail in the same way and be easier to read.
    [[nodiscard]] virtual std::optional<run_order> simpler() { return std::nullopt; }
    [[nodiscard]] virtual testing::explore_result result() const = 0;
};

class mixed_search final : public search {
public:
    explicit mixed_search(const testing::explore_options& options) : options_{options} {}
    std::optional<run_order> next() override;
    void ended(const finished_run& run) override;
    [[nodiscard]] std::optional<run_order> simpler() override;
    [[nodiscard]] testing::explore_result result() const override { return {count_, false}; }

private:
    [[nodiscard]] schedule_plan plan_for(std::size_t number) const;

    const testing::explore_options options_;
    std::size_t count_ = 0;
    std::size_t simpler_tries_ = 0;
    std::uint64_t longest_ = 1;
};

class exhaustive_search final : public search {
public:
    explicit exhaustive_search(const testing::explore_options& options) : options_{options} {}
    std::optional<run_order> next() override;
    void ended(const finished_run& run) override;
    [[nodiscard]] testing::explore_result result() const override {
        return {schedules_, done_ && !diverged_};
    }

private:
    struct branch {
        choice_point point;
        std::size_t taken = 0;    ///< of point.options
        unsigned preemptions = 0; ///< before it
    };
    void extend(const std::vector<choice_point>& trace);
    void step();
    [[nodiscard]] static unsigned cost(const branch& of) noexcept {
        return of.taken != 0 && of.point.preempts ? 1 : 0;
    }

    const testing::explore_options options_;
    std::vector<branch> way_;
    unsigned bound_ = 0;   ///< how many preemptions there may be
    bool bounded_ = false; ///< with more there would be other schedules
    bool done_ = false;
    bool diverged_ = false; ///< the program did not go the same way again
    std::size_t runs_ = 0;
    std::size_t schedules_ = 0; ///< different ones
};

} // namespace coir::detail
