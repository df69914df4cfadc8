// SPDX-License-Identifier: MIT
// Owns the rows of coroutines that wait in great numbers: what they weigh, and how they are
// cancelled.

#include "row.hpp"

#include <atomic>
#include <chrono>
#include <fstream>
#include <limits>
#include <string>

namespace {

using steady = std::chrono::steady_clock;

double seconds_since(steady::time_point start) {
    return std::chrono::duration<double>(steady::now() - start).count();
}

/// The kibibytes of a line of /proc/self/status, in bytes.
double status_bytes(const std::string& name) {
    std::ifstream status{"/proc/self/status"};
    std::string word;
    while (status >> word) {
        double kibibytes = 0;
        if (word == name + ":" && status >> kibibytes) return kibibytes * 1024;
        status.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
    }
    return 0;
}

/// Starts `count` coroutines that wait at `gate` for ever, and returns when all do (with several
/// workers the last may have an instruction to go).
void park(const coir::chan<int>& gate, std::size_t count) {
    std::atomic<std::size_t> parked{0};
    for (std::size_t i = 0; i < count; ++i) {
        coir::go([gate, &parked] {
            parked.fetch_add(1, std::memory_order_relaxed);
            std::ignore = gate.recv();
        });
    }
    while (parked.load(std::memory_order_relaxed) != count) coir::yield();
}

/// Per coroutine: making it and letting it park. Once in a process, because the next ones would
/// find stacks that were used before.
void parked_1M(benchmark::State& state) {
    const std::size_t count = bench::sized(1'000'000);
    const auto each = [count](double bytes) { return bytes / static_cast<double>(count); };
    coir::run({.workers = static_cast<std::size_t>(state.range(0))}, [&] {
        while (bench::goes_on(state, count)) {
            const coir::chan<int> gate;
            const double resident = status_bytes("VmRSS");
            const double tables = status_bytes("VmPTE");
            const auto start = steady::now();
            park(gate, count);
            state.SetIterationTime(seconds_since(start));
            state.counters["resident_bytes"] = each(status_bytes("VmRSS") - resident);
            state.counters["page_table_bytes"] = each(status_bytes("VmPTE") - tables);
            gate.close();
        }
    });
}

/// From the end of a `run` to its return: all that wait are cancelled and unwound. An operation
/// is the whole crowd.
void cancel_100k(benchmark::State& state) {
    coir::runtime runtime{{.workers = static_cast<std::size_t>(state.range(0))}};
    for (auto _ : state) {
        steady::time_point start;
        runtime.run([&] {
            park(coir::chan<int>{}, bench::sized(100'000));
            start = steady::now();
        });
        state.SetIterationTime(seconds_since(start));
    }
}

/// The same of a tree: groups of a hundred within one group, which is stopped and waited for.
void cancel_100k_tree(benchmark::State& state) {
    const std::size_t branches = bench::sized(1'000);
    constexpr std::size_t leaves = 100;
    coir::run({.workers = static_cast<std::size_t>(state.range(0))}, [&] {
        for (auto _ : state) {
            const coir::chan<int> gate;
            std::atomic<std::size_t> parked{0};
            coir::task_group tree;
            for (std::size_t i = 0; i < branches; ++i) {
                tree.go([&] {
                    coir::task_group branch;
                    for (std::size_t n = 0; n < leaves; ++n) {
                        branch.go([&] {
                            parked.fetch_add(1, std::memory_order_relaxed);
                            std::ignore = gate.recv();
                        });
                    }
                    branch.wait();
                });
            }
            while (parked.load(std::memory_order_relaxed) != branches * leaves) coir::yield();
            const auto start = steady::now();
            tree.request_stop();
            try {
                tree.wait();
            } catch (const coir::cancelled&) {} // as was asked for
            state.SetIterationTime(seconds_since(start));
        }
    });
}

BENCHMARK(parked_1M)->ArgName("W")->Arg(1)->Arg(2)->UseManualTime()->Iterations(1);
BENCHMARK(cancel_100k)
    ->ArgName("W")
    ->Arg(1)
    ->Arg(2)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK(cancel_100k_tree)
    ->ArgName("W")
    ->Arg(1)
    ->Arg(2)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

} // namespace

BENCHMARK_MAIN();
