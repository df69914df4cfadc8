// SPDX-License-Identifier: MIT
#pragma once
// Owns what a simulation is told of the runs to make, and tells of those it has made.

#include "testing/schedule.hpp"

#include <cstdint>
#include <exception>
#include <optional>
#include <string>

namespace coir::detail {

/// How a run has failed.
struct run_failure {
    std::string what;    ///< one line, the same in every run of the schedule
    std::string details; ///< who waits on what; empty, or lines
    std::string steps;   ///< the interleaving
    std::exception_ptr cause;
    std::uint64_t switches = 0; ///< how often another party went on than before
};

/// A run to be made: that of a seed, or one that is known choice by choice.
struct run_order {
    std::uint64_t seed = 0;
    std::optional<recorded_schedule> recorded{};
    bool by_party = false; ///< see seeded_schedule::begin
};

struct finished_run {
    const run_order& order;
    std::uint64_t steps;
    run_failure* failure; ///< null if it has not
    const seeded_schedule& schedule;
};

/// Says which runs to make.
class run_plan {
public:
    run_plan() = default;
    run_plan(const run_plan&) = delete;
    run_plan& operator=(const run_plan&) = delete;
    virtual ~run_plan() = default;
    /// The next run; none to end.
    virtual std::optional<run_order> next() = 0;
    /// Told of each run at its end. The next one is asked for only if this one left nothing behind.
    virtual void ended(const finished_run& run) = 0;
};

} // namespace coir::detail
