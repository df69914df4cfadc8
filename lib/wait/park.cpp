// SPDX-License-Identifier: MIT
#include "wait/park.hpp"

#include "base/asymmetric_fence.hpp"
#include "base/check.hpp"
#include "sched/fork.hpp"
#include "sched/worker.hpp"
#include "timer/clock.hpp"
#include "timer/timer_heap.hpp"
#include "wait/cancellation.hpp"
#include "wait/thread_waiter.hpp"

#include <exception>

namespace coir::detail {
namespace {

/// The deadline of a wait; lives in the waiting frame.
struct wait_deadline : timer_entry {
    waiter* party = nullptr;
    std::uint64_t epoch = 0;
};

void time_out(timer_entry& entry) noexcept {
    auto& expired = static_cast<wait_deadline&>(entry);
    waiter& party = *expired.party;
    if (!claimed(party, expired.epoch)) return;
    party.result = wait_timed_out;
    schedule_last(static_cast<coroutine&>(party));
}

/// What commit() needs; lives in the parking frame.
struct parking {
    coroutine& self;
    const park_request& request;
    const std::uint64_t epoch;
    const wait_state opened;
    wait_deadline* deadline = nullptr;
    std::atomic<bool> settled{false};
};

// Runs when the coroutine has left its stack. From the moment the word is open somebody may have
// it resumed on another worker; it does not leave its frame before `settled`, though, so all that
// lies there may be used until then.
void commit(worker& here, void* argument) noexcept {
    parking& wait = *static_cast<parking*>(argument);
    coroutine& self = wait.self;
    // release: publishes the frame to whoever claims.
    self.word.store(wait_word(wait.epoch, wait.opened), std::memory_order_release);
    if (wait.deadline != nullptr) here.timers().insert(*wait.deadline);
    light_fence(); // store the word, load the flag: partner in cancel()
    bool resume = false;
    if (self.scope->cancelled.load(std::memory_order_relaxed)) [[unlikely]] {
        resume = interrupt_wait(self, wait.epoch);
    }
    if (wait.request.release != nullptr) wait.request.release(wait.request.held);
    wait.settled.store(true, std::memory_order_release); // pairs with park_coroutine's acquire
    if (resume) here.ready_last(self);
}

wait_state state_for(const waiter& self, interruption cancel, bool unwinding) noexcept {
    if (cancel == interruption::hooked) {
        return self.firm_depth != 0 || unwinding ? wait_state::sheltered : wait_state::hooked;
    }
    const bool allowed = cancel == interruption::allowed && self.firm_depth == 0 && !unwinding;
    return allowed ? wait_state::open : wait_state::firm;
}

std::size_t park_coroutine(coroutine& self, const park_request& request) noexcept {
    worker* const here = current_worker();
    const std::uint64_t epoch = next_epoch(self);
    parking wait{self, request, epoch,
                 state_for(self, request.cancel, here->has_exception_in_flight())};
    // Most waits have none. It is cleared even so: what an old frame has left here would look as if
    // this one used it (debug/reachability.hpp).
    wait_deadline deadline;
    if (request.deadline_ns != never_ns) {
        deadline.deadline_ns = request.deadline_ns;
        deadline.fire = time_out;
        deadline.party = &self;
        deadline.epoch = epoch;
        wait.deadline = &deadline;
        self.deadline_ns.store(request.deadline_ns, std::memory_order_relaxed); // for reports
    }
    self.since_ns.store(here->coarse_now_ns(), std::memory_order_relaxed);
    here->counters().count_park(request.kind);
    if (switches_watched()) [[unlikely]]
        watch_leaving(trace_event::parked, self, static_cast<std::uint8_t>(request.kind));
    here->leave({commit, &wait});
    if (tracing()) [[unlikely]]
        trace_running(trace_event::resumed, self);
    while (!wait.settled.load(std::memory_order_acquire)) cpu_relax(); // another worker is at it
    if (wait.deadline != nullptr) {
        if (self.result != wait_timed_out) timer_remove(deadline);
        self.deadline_ns.store(never_ns, std::memory_order_relaxed);
    }
    return self.result;
}

} // namespace

waiter& current_waiter() noexcept {
    if (coroutine* const co = current_coroutine()) [[likely]]
        return *co;
    if (forked_inside_coroutine()) [[unlikely]]
        fatal(used_after_fork);
    return current_thread_waiter();
}

std::size_t park(waiter& self, const park_request& request) noexcept {
    // relaxed: for reports only.
    self.kind.store(request.kind, std::memory_order_relaxed);
    self.object.store(request.object, std::memory_order_relaxed);
    const std::size_t result =
        self.is_thread
            ? park_thread(static_cast<thread_waiter&>(self), request,
                          state_for(self, request.cancel, std::uncaught_exceptions() != 0))
            : park_coroutine(static_cast<coroutine&>(self), request);
    self.kind.store(wait_kind::none, std::memory_order_relaxed);
    return result;
}

void wake(waiter& party) noexcept {
    if (party.is_thread) {
        wake_thread(static_cast<thread_waiter&>(party));
    } else {
        schedule(static_cast<coroutine&>(party));
    }
}

void wake_all(wait_node* first) noexcept {
    if (first == nullptr) return;
    if (first->next_woken == nullptr) return wake(*first->party);
    while (first != nullptr) { // several: none of them is hotter than the others
        waiter& party = *first->party;
        first = first->next_woken; // before the wake-up, which ends the node's life
        if (party.is_thread) {
            wake_thread(static_cast<thread_waiter&>(party));
        } else {
            schedule_last(static_cast<coroutine&>(party));
        }
    }
}

} // namespace coir::detail
