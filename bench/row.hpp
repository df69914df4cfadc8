// SPDX-License-Identifier: MIT
#pragma once
// Owns how a workload becomes a row: measured inside a runtime, once for each number of workers.
//
// A row's body runs as the first coroutine of a `run` and holds the loop over `state`, so that the
// runtime's start and end are not measured. Rows are called `name/W:1` and `name/W:2` (Google
// Benchmark appends what its times mean: `/process_time/real_time`). COIR_WORKERS in the
// environment would override W. With COIR_BENCH_TINY set, the sizes shrink to what a test can
// afford, and the figures mean nothing. COIR_BENCH_OPERATIONS says how many operations to measure.

#include <coir/coir.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

namespace bench {

/// How much a workload does: `full`, or a thousandth of it in a trial.
inline std::size_t sized(std::size_t full) {
    static const bool tiny = std::getenv("COIR_BENCH_TINY") != nullptr;
    return tiny ? std::max<std::size_t>(full / 1000, 2) : full;
}

/// Goes on while `state` wants more; counts `operations` at a time.
inline bool goes_on(benchmark::State& state, std::size_t operations) {
    return state.KeepRunningBatch(static_cast<std::int64_t>(operations));
}

/// Joins and forgets all of `tasks`.
inline void join_all(std::vector<coir::task<void>>& tasks) {
    for (auto& task : tasks) task.join();
    tasks.clear();
}

/// What stands at `rank` of `times` (0.999: all but a thousandth are below), which must be sorted.
inline double quantile(const std::vector<std::int64_t>& times, double rank) {
    const auto at = static_cast<std::size_t>(rank * static_cast<double>(times.size()));
    return static_cast<double>(times[std::min(at, times.size() - 1)]);
}

/// How often a body's loop goes round: as long as it takes to measure well, or once.
enum class rounds { many, one };

/// `const bench::row ping_pong{"ping_pong", [](benchmark::State& state) { ... }};`
class row {
public:
    template <typename Body>
    row(const std::string& name, Body body) : row{name, rounds::many, body} {}

    template <typename Body> row(const std::string& name, rounds wanted, Body body) {
        const auto measure = [body](benchmark::State& state) {
            const auto workers = static_cast<std::size_t>(state.range(0));
            coir::run({.workers = workers}, [&] { body(state); });
        };
        auto* const made = benchmark::RegisterBenchmark(name.c_str(), measure);
        made->ArgName("W")->Arg(1)->Arg(2)->MeasureProcessCPUTime()->UseRealTime();
        if (wanted == rounds::one) made->Iterations(1);
        // So that instructions can be counted over a known number of operations.
        else if (const char* exact = std::getenv("COIR_BENCH_OPERATIONS")) {
            made->Iterations(std::atoll(exact));
        }
    }
};

} // namespace bench
