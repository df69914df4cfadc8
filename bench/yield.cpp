// SPDX-License-Identifier: MIT
// Owns the rows of yielding: what a turn costs.

#include "row.hpp"

namespace {

/// Per yield: `count` coroutines that yield in turn, each doing `between` before it.
template <typename Between>
void yield_in_turn(benchmark::State& state, std::size_t count, Between between) {
    const std::size_t rounds = bench::sized(1'000'000) / count + 1;
    std::vector<coir::task<void>> tasks;
    while (bench::goes_on(state, count * rounds)) {
        for (std::size_t i = 0; i < count; ++i) {
            tasks.push_back(coir::go([rounds, between]() mutable {
                for (std::size_t round = 0; round < rounds; ++round) {
                    between();
                    coir::yield();
                }
            }));
        }
        bench::join_all(tasks);
    }
}

/// An inexact division sets a sticky flag in MXCSR, which some switches pay dearly for.
struct divide {
    double value = 1.0;
    void operator()() {
        value = value / 3.0 + 1.0;
        benchmark::DoNotOptimize(value);
    }
};

const bench::row yield_2{"yield_2",
                         [](benchmark::State& state) { yield_in_turn(state, 2, [] {}); }};
const bench::row yield_1000{"yield_1000",
                            [](benchmark::State& state) { yield_in_turn(state, 1000, [] {}); }};
const bench::row yield_float{"yield_float",
                             [](benchmark::State& state) { yield_in_turn(state, 2, divide{}); }};

} // namespace

BENCHMARK_MAIN();
