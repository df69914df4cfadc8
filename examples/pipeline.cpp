// SPDX-License-Identifier: MIT
// A pipeline: stages that know only the channel before and the one behind them.
//
//     source --> two workers --> [a buffer of CAPACITY] --> sink
//
// The first run shows backpressure: the source is fast and the sink is slow, and still the source
// is never more than a few items ahead, because a full channel makes its senders wait. Both runs
// end by themselves, and nobody closes anything: in the first the source is done, its end goes, and
// one stage after the other finds its input ended; in the second the sink has enough, its end goes,
// and one stage after the other finds that nobody wants what it sends.
//
//     pipeline [ITEMS [CAPACITY]]

#include "command_line/numbers.hpp"

#include <coir/coir.hpp>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <optional>

namespace {

using namespace std::chrono_literals;

constexpr long workers = 2;

/// What the two ends of the pipeline have seen. Relaxed throughout: these are counts, nothing else
/// is published with them.
struct counts {
    std::atomic<long> produced{0};
    std::atomic<long> consumed{0};
    std::atomic<long> furthest_ahead{0}; ///< of the source, before the sink

    void produce() {
        const long now = produced.fetch_add(1, std::memory_order_relaxed) + 1;
        const long ahead = now - consumed.load(std::memory_order_relaxed);
        furthest_ahead.store(std::max(ahead, furthest_ahead.load(std::memory_order_relaxed)),
                             std::memory_order_relaxed); // only the source writes it
    }
};

void source(const coir::sender<long>& out, long items, counts& seen) {
    for (long n = 1; n <= items; ++n) {
        if (!out.send(n)) return; // nobody is left who would take it
        seen.produce();
    }
} // `out` was the last sender: the channel closes

void square(const coir::receiver<long>& in, const coir::sender<long>& out) {
    for (const long n : in) // until it is closed and empty
        if (!out.send(n * n)) return;
}

/// Adds up what comes, `wanted` of it at the most.
long sink(const coir::receiver<long>& in, long wanted, coir::clock::duration pause, counts& seen) {
    long sum = 0;
    for (long taken = 0; taken < wanted; ++taken) {
        const std::optional<long> value = in.recv();
        if (!value) break;
        seen.consumed.fetch_add(1, std::memory_order_relaxed);
        sum += *value;
        coir::sleep_for(pause);
    }
    return sum;
} // `in` goes when the caller drops it: sends behind it then return false

long run_pipeline(long items, long wanted, long capacity, coir::clock::duration pause,
                  counts& seen) {
    coir::task_group stages;
    auto [numbers_in, numbers] = coir::channel<long>();
    auto [squares_in, squares] = coir::channel<long>(capacity);
    stages.go([items, &seen, out = std::move(numbers_in)] { source(out, items, seen); });
    for (long i = 0; i < workers; ++i)
        stages.go([in = numbers, out = squares_in] { square(in, out); });
    // The stages hold their ends; ours must go, or they would keep the channels open.
    numbers = nullptr;
    squares_in = nullptr;

    const long sum = sink(squares, wanted, pause, seen);
    squares = nullptr;
    stages.wait();
    return sum;
}

} // namespace

int main(int argc, char** argv) {
    const auto given = command_line::numbers<long>(argc, argv, "pipeline [ITEMS [CAPACITY]]",
                                                   {200, 8}, {.least = 0});
    coir::run([items = given[0], capacity = given[1]] {
        counts slow;
        const long all = run_pipeline(items, items, capacity, 100us, slow);
        std::printf("all %ld: sum %ld, the source was at most %ld ahead\n", items, all,
                    slow.furthest_ahead.load());
        counts cut;
        const long few = run_pipeline(items, 3, capacity, 0us, cut);
        std::printf("three: sum %ld, the source stopped after %ld\n", few, cut.produced.load());
    });
    return 0;
}
