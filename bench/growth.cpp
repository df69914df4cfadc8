// SPDX-License-Identifier: MIT
// Owns the rows of one cost over a growing number of something: `growth_.../N:...`. What each
// draws is per operation and should stay flat, unless the comment at it says otherwise.

#include "row.hpp"

#include <chrono>
#include <deque>
#include <tuple>

namespace {

using namespace std::chrono_literals;

/// Goes round once outside of what is measured, so that stacks and buffers are warm.
template <typename Once>
void measure_warm(benchmark::State& state, std::size_t operations, Once once) {
    once();
    while (bench::goes_on(state, operations)) once();
}

/// Per coroutine: N that all live at once, each parking once.
void coroutines(benchmark::State& state, std::size_t count) {
    std::vector<coir::task<void>> all;
    measure_warm(state, count, [&] {
        const coir::chan<int> gate;
        std::size_t begun = 0; // one worker: nobody else counts at the same time
        for (std::size_t i = 0; i < count; ++i) {
            all.push_back(coir::go([gate, &begun] {
                ++begun;
                std::ignore = gate.recv();
            }));
        }
        while (begun != count) coir::yield();
        gate.close();
        bench::join_all(all);
    });
}

/// Per message: N receivers wait on one channel and take turns.
void waiters(benchmark::State& state, std::size_t count) {
    const coir::chan<int> shared;
    std::vector<coir::task<void>> all;
    for (std::size_t i = 0; i < count; ++i) {
        all.push_back(coir::go([shared] {
            for (const int value : shared) benchmark::DoNotOptimize(value);
        }));
    }
    const std::size_t rounds = bench::sized(100'000) / count + 1;
    while (bench::goes_on(state, rounds * count)) {
        for (std::size_t i = 0; i < rounds * count; ++i) std::ignore = shared.send(1);
    }
    shared.close();
    bench::join_all(all);
}

/// Per select over N cases, of which the last becomes ready once all are registered. It has to
/// visit all: per select the cost grows with N, and divided by N it falls until it is flat.
void select_cases(benchmark::State& state, std::size_t count) {
    std::deque<coir::chan<int>> from(count);
    for (auto& one : from) one = coir::chan<int>{};
    std::vector<coir::select_case> cases;
    for (const auto& one : from) cases.push_back(one.on_recv());
    auto producer = coir::go([last = from.back()] {
        while (last.send(1)) {}
    });
    for (auto _ : state) benchmark::DoNotOptimize(coir::select(cases));
    from.back().close();
    producer.join();
}

/// Per start and stop of one timer more while N are pending: the logarithm of N, in a heap.
void timers(benchmark::State& state, std::size_t count) {
    std::deque<coir::timer> pending;
    for (std::size_t i = 0; i < count; ++i) pending.emplace_back(1h + 1ms * (i * 7919 % count));
    for (auto _ : state) {
        coir::timer one{1h};
        benchmark::DoNotOptimize(one.stop());
    }
}

/// Per call: N coroutines that have calls under way in threads of their own.
void blocking_calls(benchmark::State& state, std::size_t count) {
    std::vector<coir::task<void>> all;
    measure_warm(state, count * 10, [&] {
        for (std::size_t i = 0; i < count; ++i) {
            all.push_back(coir::go([] {
                for (int round = 0; round < 10; ++round) coir::blocking([] {});
            }));
        }
        bench::join_all(all);
    });
}

/// Registers `name` for N = 1, `factor`, `factor` squared, ... `last`, with one worker.
template <typename Body>
void register_growth(const char* name, std::int64_t factor, std::int64_t last, Body body) {
    const auto measure = [body](benchmark::State& state) {
        const auto count = static_cast<std::size_t>(state.range(0));
        coir::run({.workers = 1}, [&] { body(state, count); });
    };
    auto* const made = benchmark::RegisterBenchmark(name, measure);
    made->ArgName("N")->MeasureProcessCPUTime()->UseRealTime();
    const auto affordable = std::max<std::int64_t>(
        static_cast<std::int64_t>(bench::sized(static_cast<std::size_t>(last))), 10);
    for (std::int64_t count = 1; count <= affordable; count *= factor) made->Arg(count);
}

/// Per coroutine started and joined by one of N workers: a tree of tasks, which is all that
/// workers share.
std::size_t tree(std::size_t depth) {
    if (depth == 0) return 1;
    auto left = coir::go(tree, depth - 1);
    auto right = coir::go(tree, depth - 1);
    return left.join() + right.join();
}

void over_workers(benchmark::State& state) {
    coir::run({.workers = static_cast<std::size_t>(state.range(0))}, [&] {
        const std::size_t depth = bench::sized(100'000) > 1000 ? 16 : 4;
        measure_warm(state, (std::size_t{2} << depth) - 1,
                     [&] { benchmark::DoNotOptimize(tree(depth)); });
    });
}

void ping_pong_over_workers(benchmark::State& state) {
    coir::run({.workers = static_cast<std::size_t>(state.range(0))}, [&] {
        const coir::chan<int> there;
        const coir::chan<int> back;
        auto echo = coir::go([there, back] {
            for (const int value : there) std::ignore = back.send(value);
        });
        for (auto _ : state) {
            std::ignore = there.send(1);
            benchmark::DoNotOptimize(back.recv());
        }
        there.close();
        echo.join();
    });
}

void register_workers(const char* name, void (*measure)(benchmark::State&)) {
    auto* const made = benchmark::RegisterBenchmark(name, measure);
    made->ArgName("N")->MeasureProcessCPUTime()->UseRealTime();
    for (const int workers : {1, 2, 4, 8, 16}) made->Arg(workers);
}

const bool registered = [] {
    register_growth("growth_coroutines", 10, 1'000'000, coroutines);
    register_growth("growth_waiters", 10, 10'000, waiters);
    register_growth("growth_select_cases", 10, 1000, select_cases);
    register_growth("growth_timers", 10, 1'000'000, timers);
    register_growth("growth_blocking_calls", 4, 256, blocking_calls);
    register_workers("growth_workers_tree", over_workers);
    register_workers("growth_workers_ping_pong", ping_pong_over_workers);
    return true;
}();

} // namespace

BENCHMARK_MAIN();
