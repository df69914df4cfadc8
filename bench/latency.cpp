// SPDX-License-Identifier: MIT
// Owns the rows of waiting too long: a pair that talks among busy coroutines, timers, and what
// share each of several producers gets. The columns to look at are the counters.

#include "row.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <numeric>
#include <tuple>

namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

std::int64_t nanoseconds_since(steady::time_point start) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(steady::now() - start).count();
}

void report(benchmark::State& state, std::vector<std::int64_t>& times) {
    std::sort(times.begin(), times.end());
    const auto sum = std::accumulate(times.begin(), times.end(), std::int64_t{0});
    state.SetIterationTime(static_cast<double>(sum) / 1e9);
    state.counters["p50_ns"] = bench::quantile(times, 0.5);
    state.counters["p99_ns"] = bench::quantile(times, 0.99);
    state.counters["p999_ns"] = bench::quantile(times, 0.999);
    state.counters["max_ns"] = static_cast<double>(times.back());
}

/// The times of `count` round trips of a pair on rendezvous channels.
std::vector<std::int64_t> ping(std::size_t count) {
    const coir::chan<int> there;
    const coir::chan<int> back;
    auto echo = coir::go([there, back] {
        for (const int value : there) std::ignore = back.send(value);
    });
    std::vector<std::int64_t> times;
    times.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        const auto start = steady::now();
        std::ignore = there.send(1);
        std::ignore = back.recv();
        times.push_back(nanoseconds_since(start));
    }
    there.close();
    echo.join();
    return times;
}

/// The pair among eight coroutines for each worker that do `turn`, yield, and so on without end.
template <typename Turn>
void ping_among(benchmark::State& state, std::size_t round_trips, Turn turn) {
    const std::size_t count = bench::sized(round_trips);
    const auto others = 8 * static_cast<std::size_t>(state.range(0));
    coir::run({.workers = static_cast<std::size_t>(state.range(0))}, [&] {
        while (bench::goes_on(state, count)) {
            std::atomic<bool> enough{false};
            std::vector<coir::task<void>> busy;
            for (std::size_t i = 0; i < others; ++i) {
                busy.push_back(coir::go([&enough, turn] {
                    while (!enough.load(std::memory_order_relaxed)) {
                        turn();
                        coir::yield();
                    }
                }));
            }
            auto times = ping(count);
            enough.store(true, std::memory_order_relaxed);
            bench::join_all(busy);
            report(state, times);
        }
    });
}

void ping_among_yielding(benchmark::State& state) {
    ping_among(state, 200'000, [] {});
}

void ping_among_computing(benchmark::State& state) {
    ping_among(state, 10'000, [] {
        const auto start = steady::now();
        while (nanoseconds_since(start) < 20'000) {}
    });
}

constexpr std::size_t rounds = 20;

/// How long after its time each of 1,000 sleepers runs on, twenty times 1 to 20 ms.
void timer_lateness(benchmark::State& state) {
    const std::size_t count = bench::sized(1000);
    coir::run({.workers = static_cast<std::size_t>(state.range(0))}, [&] {
        while (bench::goes_on(state, count * rounds)) {
            std::vector<std::int64_t> late(count * rounds);
            std::vector<coir::task<void>> sleepers;
            for (std::size_t i = 0; i < count; ++i) {
                sleepers.push_back(coir::go([&late, i] {
                    for (std::size_t round = 0; round < rounds; ++round) {
                        const auto due = steady::now() + 1ms * ((i * 7 + round * 3) % rounds + 1);
                        coir::sleep_until(due);
                        late[i * rounds + round] = nanoseconds_since(due);
                    }
                }));
            }
            bench::join_all(sleepers);
            report(state, late);
        }
    });
}

/// Four producers and one consumer: the largest share by the smallest, 1 being fair.
void share_of_producers(benchmark::State& state, std::size_t capacity) {
    const std::size_t count = bench::sized(400'000);
    while (bench::goes_on(state, count)) {
        const coir::chan<std::size_t> items(capacity);
        std::array<std::size_t, 4> shares{};
        std::vector<coir::task<void>> producers;
        for (std::size_t i = 0; i < shares.size(); ++i) {
            producers.push_back(coir::go([items, i] {
                while (items.send(i)) {}
            }));
        }
        for (std::size_t i = 0; i < count; ++i) ++shares[items.recv().value_or(0)];
        items.close();
        bench::join_all(producers);
        const auto [least, most] = std::minmax_element(shares.begin(), shares.end());
        state.counters["max_by_min"] = static_cast<double>(*most) / static_cast<double>(*least);
    }
}

const bench::row fair_0{"fair_producers_0",
                        [](benchmark::State& state) { share_of_producers(state, 0); }};
const bench::row fair_10{"fair_producers_10",
                         [](benchmark::State& state) { share_of_producers(state, 10); }};

BENCHMARK(ping_among_yielding)->ArgName("W")->Arg(1)->Arg(2)->UseManualTime()->Iterations(1);
BENCHMARK(ping_among_computing)->ArgName("W")->Arg(1)->Arg(2)->UseManualTime()->Iterations(1);
BENCHMARK(timer_lateness)->ArgName("W")->Arg(1)->Arg(2)->UseManualTime()->Iterations(1);

} // namespace

BENCHMARK_MAIN();
