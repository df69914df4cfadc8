// SPDX-License-Identifier: MIT
// Owns the rows of starting and joining.

#include "row.hpp"

namespace {

using tasks = std::vector<coir::task<void>>;

void start_and_join_once(tasks& all, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) all.push_back(coir::go([] {}));
    bench::join_all(all);
}

/// Per coroutine: starts `count` that all live at once, then joins all.
void start_and_join(benchmark::State& state, std::size_t count, bool warm) {
    tasks all;
    all.reserve(count);
    if (warm) start_and_join_once(all, count);
    while (bench::goes_on(state, count)) start_and_join_once(all, count);
}

/// On stacks that nobody has touched: each costs a guard and a page fault. First in this file,
/// because it is true only for the first million of a process.
const bench::row spawn_1000000_cold{
    "spawn_1000000_cold", bench::rounds::one,
    [](benchmark::State& state) { start_and_join(state, bench::sized(1'000'000), false); }};

const bench::row spawn_1000000{"spawn_1000000", [](benchmark::State& state) {
                                   start_and_join(state, bench::sized(1'000'000), true);
                               }};

const bench::row spawn_join_1{"spawn_join_1", [](benchmark::State& state) {
                                  for (auto _ : state) coir::go([] {}).join();
                              }};

const bench::row spawn_join_1000{
    "spawn_join_1000", [](benchmark::State& state) { start_and_join(state, 1000, true); }};

} // namespace

BENCHMARK_MAIN();
