// SPDX-License-Identifier: MIT
// Owns the scopes that with_timeout, with_deadline and shield put around a body.

#include "sched/timer_thread.hpp"
#include "sched/worker.hpp"
#include "timer/clock.hpp"
#include "wait/cancellation.hpp"
#include "wait/park.hpp"

#include <coir/cancel.hpp>
#include <coir/detail/scheduling_point.hpp>
#include <coir/task.hpp>

#include <new>

namespace coir::detail {

struct time_limit::state : timer_entry {
    cancel_scope scope;
    waiter* owner = nullptr;
    bool armed = false;
    task<void> striker; ///< see strike()
};

namespace {

// Stop callbacks are user code, and may wait: on a worker's loop they get a coroutine of their own.
template <typename State> void strike(timer_entry& entry) noexcept {
    auto& limit = static_cast<State&>(entry);
    worker* const here = current_worker();
    if (here == nullptr || !has_stop_tokens(limit.scope)) return cancel(limit.scope);
    try {
        limit.striker = start(&here->runtime(), nullptr, {.name = "time limit"},
                              [&scope = limit.scope] { cancel(scope); });
    } catch (const std::bad_alloc&) {
        cancel(limit.scope);
    }
}

template <typename State> void arm(State& limit) {
    worker* const here = current_worker();
    if (here != nullptr) {
        here->timers().insert(limit);
    } else {
        timer_thread::instance().insert(limit);
    }
    limit.armed = true;
}

} // namespace

time_limit::time_limit(std::int64_t deadline_ns) {
    static_assert(sizeof(state) <= sizeof(memory_) && alignof(state) <= 16);
    scheduling_point(step::limit);
    state& limit = *new (memory_) state;
    limit.owner = &current_waiter();
    if (deadline_ns != never_ns && deadline_ns > monotonic_ns()) {
        limit.deadline_ns = deadline_ns;
        limit.fire = strike<state>;
        push_scope(*limit.owner, limit.scope);
        try {
            arm(limit);
        } catch (...) {
            pop_scope(*limit.owner, limit.scope);
            throw;
        }
        return;
    }
    push_scope(*limit.owner, limit.scope);
    // Past already: no wait is open, so the mark is all that is needed.
    if (deadline_ns != never_ns) limit.scope.cancelled.store(true, std::memory_order_relaxed);
}

time_limit::~time_limit() {
    state& limit = self();
    if (limit.armed) timer_remove(limit); // waits for a strike under way
    if (limit.striker) {
        const firm_section firm{*limit.owner};
        limit.striker.join();
    }
    pop_scope(*limit.owner, limit.scope);
    limit.~state();
}

bool time_limit::struck() const noexcept {
    const state& limit = self();
    const cancel_scope* const outer = limit.scope.parent;
    const bool outer_cancelled =
        outer != nullptr && outer->cancelled.load(std::memory_order_relaxed); // own thread's waits
    return limit.scope.cancelled.load(std::memory_order_relaxed) && !outer_cancelled;
}

time_limit::state& time_limit::self() noexcept {
    return *std::launder(reinterpret_cast<state*>(memory_));
}
const time_limit::state& time_limit::self() const noexcept {
    return *std::launder(reinterpret_cast<const state*>(memory_));
}

shield_scope::shield_scope() {
    static_assert(sizeof(cancel_scope) <= sizeof(memory_) && alignof(cancel_scope) <= 16);
    auto& scope = *new (memory_) cancel_scope;
    scope.shielded = true;
    push_scope(current_waiter(), scope);
}

shield_scope::~shield_scope() {
    auto& scope = *std::launder(reinterpret_cast<cancel_scope*>(memory_));
    pop_scope(*scope.owner, scope);
    scope.~cancel_scope();
}

} // namespace coir::detail
