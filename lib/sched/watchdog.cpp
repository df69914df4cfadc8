// SPDX-License-Identifier: MIT
#include "sched/watchdog.hpp"

#include "base/futex.hpp"
#include "base/own_thread.hpp"
#include "sched/fork.hpp"
#include "sched/runtime_core.hpp"
#include "sched/signal_mask.hpp"
#include "timer/clock.hpp"

#include <algorithm>
#include <climits>
#include <vector>

namespace coir::detail {
namespace {

constexpr std::int64_t shortest_period_ns = 1'000'000;
constexpr std::int64_t longest_period_ns = 8'000'000;
constexpr int quiet_rounds_to_sleep = 16;

} // namespace

void watchdog::start() {
    const worker_signal_mask mask;
    thread_ = std::thread{[this] {
        const own_thread registered{"coir-watchdog"};
        serve();
    }};
}

void watchdog::stop() noexcept {
    if (!thread_.joinable()) return;
    state_.store(ended, std::memory_order_seq_cst);
    futex_wake(state_, 1);
    thread_.join();
}

void watchdog::abandon() noexcept { let_go_of_parents(thread_); }

void watchdog::arm_slow() noexcept {
    std::uint32_t expected = asleep;
    if (state_.compare_exchange_strong(expected, armed, std::memory_order_seq_cst)) {
        futex_wake(state_, 1);
    }
}

void watchdog::serve() noexcept {
    std::vector<std::uint64_t> turns(runtime_.worker_count());
    last_turns_ = turns.data();
    for (;;) {
        const std::uint32_t state = state_.load(std::memory_order_seq_cst);
        if (state == ended) return;
        if (state == asleep) {
            futex_wait(state_, asleep, INT64_MAX);
        } else {
            watch_until_quiet();
        }
    }
}

// Looks every millisecond, then less often, until all workers have slept for some rounds.
void watchdog::watch_until_quiet() noexcept {
    std::int64_t period_ns = shortest_period_ns;
    for (int quiet = 0; quiet < quiet_rounds_to_sleep;) {
        futex_wait(state_, armed, monotonic_ns() + period_ns);
        if (state_.load(std::memory_order_seq_cst) == ended) return;
        period_ns = look() ? shortest_period_ns : std::min(period_ns * 2, longest_period_ns);
        quiet = all_sleep() ? quiet + 1 : 0;
    }
    std::uint32_t expected = armed;
    state_.compare_exchange_strong(expected, asleep, std::memory_order_seq_cst);
    // A worker that woke up in between may have seen `armed` and relied on it.
    if (!all_sleep()) arm_slow();
}

bool watchdog::look() noexcept {
    bool found = false;
    for (std::size_t i = 0; i < runtime_.worker_count(); ++i) {
        worker& one = runtime_.worker_at(i);
        const std::uint64_t turn = one.turn();
        const bool same_turn = turn == last_turns_[i];
        last_turns_[i] = turn;
        const bool holds_something =
            one.has_next() || one.has_stealable() || one.timers().earliest_ns() <= monotonic_ns();
        if (!same_turn || !holds_something) continue;
        one.stuck.store(true, std::memory_order_relaxed); // a hint for thieves
        if (runtime_.idle().wants_wake()) runtime_.wake_one();
        found = true;
    }
    return found;
}

bool watchdog::all_sleep() const noexcept {
    return runtime_.idle().sleeping() == runtime_.worker_count();
}

} // namespace coir::detail
