// SPDX-License-Identifier: MIT
// Owns how a worker that has nothing to do looks for work at the others.

#include "sched/runtime_core.hpp"
#include "sched/worker.hpp"
#include "timer/clock.hpp"

namespace coir::detail {

coroutine* worker::search() noexcept {
    if (!searching_) searching_ = runtime_.idle().begin_search();
    if (!searching_) return nullptr;
    for (int round = 0; round < 4; ++round) {
        if (coroutine* const co = steal()) {
            counters_.steals.add();
            if (tracing()) trace_worker(*this, trace_event::stole, co->id, 0);
            return co;
        }
        cpu_relax();
    }
    return nullptr; // still searching: sleep() leaves that state, then looks once more
}

// Work was found. The last that searched wakes the next one if there seems to be more.
void worker::end_search() noexcept {
    searching_ = false;
    const bool was_last = runtime_.idle().end_search();
    if (was_last && (queue_.size() != 0 || !runtime_.injected().empty())) runtime_.hint();
}

coroutine* worker::steal() noexcept {
    const std::size_t count = runtime_.worker_count();
    const std::size_t start = random_.below(static_cast<std::uint32_t>(count));
    for (std::size_t i = 0; i < count; ++i) {
        worker& victim = runtime_.worker_at((start + i) % count);
        if (&victim == this) continue;
        if (coroutine* const co = steal_fresh_from(victim)) return co;
        if (coroutine* const co = victim.queue_.steal_half_into(queue_)) return co;
        if (victim.stuck.load(std::memory_order_relaxed)) {
            if (coroutine* const co = rescue_from(victim)) return co;
        }
    }
    return nullptr;
}

// Up to half of them, one by one; the largest is begun here and now.
coroutine* worker::steal_fresh_from(worker& victim) noexcept {
    std::uint32_t wanted = victim.fresh_.size() / 2;
    coroutine* const first = victim.fresh_.take_oldest();
    if (first == nullptr) return nullptr;
    while (wanted-- > 1) {
        coroutine* const more = victim.fresh_.take_oldest();
        if (more == nullptr) break;
        push_displaced(*more);
    }
    return first;
}

// The victim computes without a break: what waits for it alone is taken over.
coroutine* worker::rescue_from(worker& victim) noexcept {
    victim.stuck.store(false, std::memory_order_relaxed); // the watchdog will say it again
    if (const std::int64_t now_ns = monotonic_ns(); victim.timers_.earliest_ns() <= now_ns) {
        expire(victim.timers_, now_ns);
    }
    // acquire: pairs with ready()'s release of the coroutine's record.
    if (coroutine* const co = victim.next_.exchange(nullptr, std::memory_order_acq_rel)) return co;
    return pick();
}

} // namespace coir::detail
