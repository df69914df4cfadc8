// SPDX-License-Identifier: MIT
// Owns the rows of mutex: locking and unlocking once is an operation.

#include "row.hpp"

#include <coir/sync/mutex.hpp>

#include <mutex>

namespace {

/// `count` coroutines share one mutex; each does `inside` while it holds it.
template <typename Inside>
void share_mutex(benchmark::State& state, std::size_t count, Inside inside) {
    const std::size_t rounds = bench::sized(1'000'000) / count + 1;
    coir::mutex mutex;
    std::size_t shared = 0;
    std::vector<coir::task<void>> tasks;
    while (bench::goes_on(state, count * rounds)) {
        for (std::size_t i = 0; i < count; ++i) {
            tasks.push_back(coir::go([&, rounds] {
                for (std::size_t round = 0; round < rounds; ++round) {
                    const std::lock_guard guard{mutex};
                    benchmark::DoNotOptimize(++shared);
                    inside();
                }
            }));
        }
        bench::join_all(tasks);
    }
}

const bench::row mutex_1{"mutex_1", [](benchmark::State& state) { share_mutex(state, 1, [] {}); }};
const bench::row mutex_100{"mutex_100",
                           [](benchmark::State& state) { share_mutex(state, 100, [] {}); }};
const bench::row mutex_100_yield{"mutex_100_yield", [](benchmark::State& state) {
                                     share_mutex(state, 100, [] { coir::yield(); });
                                 }};

} // namespace

BENCHMARK_MAIN();
