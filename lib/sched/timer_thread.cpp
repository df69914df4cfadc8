// SPDX-License-Identifier: MIT
#include "sched/timer_thread.hpp"

#include "base/futex.hpp"
#include "base/own_thread.hpp"
#include "sched/fork.hpp"
#include "sched/signal_mask.hpp"
#include "timer/clock.hpp"

#include <thread>

namespace coir::detail {

timer_thread& timer_thread::instance() {
    static auto* const only = new timer_thread;
    return *only;
}

void timer_thread::insert(timer_entry& entry) {
    const unsigned generation = watch_for_fork() + 1;
    unsigned started = started_in_.load(std::memory_order_acquire);
    // A forked child has the heap but not the thread: it starts one of its own.
    if (started != generation && started_in_.compare_exchange_strong(started, generation)) {
        try {
            start();
        } catch (...) {
            started_in_.store(started, std::memory_order_release); // the next one tries again
            throw;
        }
    }
    if (!heap_.insert(entry)) return;
    changes_.fetch_add(1, std::memory_order_release); // partner: serve()
    futex_wake(changes_, 1);
}

void timer_thread::start() {
    const worker_signal_mask mask;
    std::thread{[this] {
        const own_thread registered{"coir-timers"};
        serve();
    }}.detach();
}

void timer_thread::serve() noexcept {
    for (;;) {
        const std::uint32_t seen = changes_.load(std::memory_order_acquire);
        heap_.expire(monotonic_ns());
        futex_wait(changes_, seen, heap_.earliest_ns());
    }
}

} // namespace coir::detail
