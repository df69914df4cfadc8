// SPDX-License-Identifier: MIT
// Owns the rows of time.

#include "row.hpp"

#include <chrono>

namespace {

using namespace std::chrono_literals;

const bench::row timer_start_stop{"timer_start_stop", [](benchmark::State& state) {
                                      for (auto _ : state) {
                                          coir::timer timer{1h};
                                          benchmark::DoNotOptimize(timer.stop());
                                      }
                                  }};

/// An operation is the whole crowd, on stacks that were used before. The column to look at is CPU;
/// the time is 100 ms and more.
void sleep_all(benchmark::State& state) {
    const std::size_t count = bench::sized(100'000);
    std::vector<coir::task<void>> sleepers;
    sleepers.reserve(count);
    const auto once = [&] {
        for (std::size_t i = 0; i < count; ++i) {
            sleepers.push_back(coir::go([] { coir::sleep_for(100ms); }));
        }
        bench::join_all(sleepers);
    };
    once();
    for (auto _ : state) once();
}

const bench::row sleep_100k{"sleep_100k", sleep_all};

} // namespace

BENCHMARK_MAIN();
