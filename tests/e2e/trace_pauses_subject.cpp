// SPDX-License-Identifier: MIT
// Not a test: what trace_test.py records. So many runtimes at once, as the argument says, do
// nothing but switch, until recording has paused some times. Prints how many pauses that were, and
// how many of the user's spans it made, and how many of them in pauses.

#include "sched/trace.hpp"
#include "sched/worker.hpp"
#include "wait/claim.hpp"

#include <coir/coir.hpp>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;

constexpr std::size_t enough = 5;

struct laps {
    std::atomic<int> all{0};
    std::atomic<int> inside{0}; ///< from begin to end in one pause
};

std::size_t pauses() { return coir::detail::collect_trace_gaps().all.size(); }

/// Sends each number back.
void echo(const coir::receiver<int>& in, const coir::sender<int>& out) {
    for (const int n : in)
        if (!out.send(n)) return;
}

void lap(const coir::sender<int>& out, const coir::receiver<int>& in, laps& count) {
    const std::size_t before = pauses();
    const bool paused_before = !coir::detail::tracing();
    {
        const coir::trace_span span("lap");
        for (int i = 0; i < 20; ++i) {
            if (!out.send(i) || in.recv() != i) std::abort();
        }
    }
    count.all.fetch_add(1);
    const bool is_paused = !coir::detail::tracing();
    if (paused_before && is_paused && pauses() == before) count.inside.fetch_add(1);
}

void play(laps& count) {
    auto [there_tx, there_rx] = coir::channel<int>();
    auto [back_tx, back_rx] = coir::channel<int>();
    coir::go({.name = "echo"}, echo, std::move(there_rx), std::move(back_tx));
    // A sanitizer may make it too slow to be paused. No span is to be overwritten.
    const auto has_room = [] {
        const auto* const own = coir::detail::current_worker()->trace();
        return own != nullptr && own->count() < coir::detail::trace_buffer::capacity / 4;
    };
    while ((pauses() < enough || count.inside.load() < 5) && has_room()) {
        lap(there_tx, back_rx, count);
    }
}

/// Returns when `other` has left its stack for a wait, while its worker is another one.
void let_park(const coir::detail::coroutine& other) {
    using coir::detail::state_of;
    while (state_of(other.word.load(std::memory_order_acquire)) != coir::detail::wait_state::open) {
        std::this_thread::yield();
    }
}

void run_one(laps& count) {
    coir::run([&] {
        const coir::detail::coroutine& main = *coir::detail::current_coroutine();
        coir::go({.name = "player"}, [&] {
            let_park(main);
            std::atomic<bool> done{false};
            coir::task_group group;
            group.go({.name = "yielder"}, [&] {
                while (!done.load()) coir::yield();
            });
            play(count);
            done.store(true);
            group.wait();
            coir::sleep_for(20ms); // the last pause ends meanwhile, though nobody runs
        }).join();
    });
}

} // namespace

int main(int argc, char** argv) {
    laps count;
    std::vector<std::jthread> runtimes;
    for (int i = argc > 1 ? std::atoi(argv[1]) : 1; i > 0; --i) {
        runtimes.emplace_back([&] { run_one(count); });
    }
    runtimes.clear();
    std::printf("%zu %d %d\n", pauses(), count.all.load(), count.inside.load());
}
