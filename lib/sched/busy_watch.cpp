// SPDX-License-Identifier: MIT
#include "sched/busy_watch.hpp"

#include "base/futex.hpp"
#include "base/own_thread.hpp"
#include "sched/reports.hpp"
#include "sched/runtime_core.hpp"
#include "sched/signal_mask.hpp"
#include "timer/clock.hpp"

#include <vector>

namespace coir::detail {
namespace {

// Looks per limit. Time is counted in looks, not by the clock alone: while the whole process stands
// still (a debugger, a suspended machine) nobody is to be blamed.
constexpr int looks_per_limit = 4;

struct observation {
    const coroutine* running = nullptr;
    std::uint64_t turn = 0;
    int looks = 0;
};

} // namespace

void busy_watch::start() {
    const worker_signal_mask mask;
    thread_ = std::thread{[this] {
        const own_thread registered{"coir-busy"};
        serve();
    }};
}

void busy_watch::stop() noexcept {
    if (!thread_.joinable()) return;
    ended_.store(1, std::memory_order_release);
    futex_wake(ended_, 1);
    thread_.join();
}

void busy_watch::abandon() noexcept {
    if (thread_.joinable()) thread_.detach();
}

void busy_watch::serve() {
    const std::int64_t limit_ns = std::chrono::nanoseconds{runtime_.settings().busy_limit}.count();
    std::vector<observation> seen(runtime_.worker_count());
    while (ended_.load(std::memory_order_acquire) == 0) {
        const std::int64_t next_look_ns = monotonic_ns() + limit_ns / looks_per_limit;
        while (monotonic_ns() < next_look_ns && ended_.load(std::memory_order_acquire) == 0) {
            futex_wait(ended_, 0, next_look_ns); // may return early for no reason
        }
        for (std::size_t i = 0; i < seen.size(); ++i) {
            const worker& one = runtime_.worker_at(i);
            observation& last = seen[i];
            const std::uint64_t turn = one.turn();
            const coroutine* const running = one.seen_running();
            if (running == nullptr || running != last.running || turn != last.turn) {
                last = {running, turn, 0};
            } else if (++last.looks == looks_per_limit) { // once for each turn
                report_busy_worker(runtime_, i, turn, limit_ns);
            }
        }
    }
}

} // namespace coir::detail
