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
    const std::uint64_t word; ///< what opens the wait
    std::atomic<bool> settled{false};
};

/// That of a wait with a deadline.
struct timed_parking : parking {
    wait_deadline& deadline;
};

// From the moment the word is open somebody may have the coroutine resumed on another worker; it
// does not leave its frame before `settled`, though, so all that lies there may be used until then.
void open_wait(const parking& wait) noexcept {
    // release: publishes the frame to whoever claims.
    wait.self.word.store(wait.word, std::memory_order_release);
}

COIR_COLD void settle_cancelled(worker& here, parking& wait) noexcept {
    coroutine& self = wait.self;
    const bool resume = interrupt_wait(self, epoch_of(wait.word));
    wait.request.release_held();
    wait.settled.store(true, std::memory_order_release); // as below
    if (resume) here.ready_last(self);
}

void settle(worker& here, parking& wait) noexcept {
    light_fence(); // store the word, load the flag: partner in cancel()
    if (wait.self.scope->cancelled.load(std::memory_order_relaxed)) [[unlikely]]
        return settle_cancelled(here, wait);
    wait.request.release_held();
    wait.settled.store(true, std::memory_order_release); // pairs with leave_for()'s acquire
}

// These two run when the coroutine has left its stack.
void commit(worker& here, void* argument) noexcept {
    parking& wait = *static_cast<parking*>(argument);
    open_wait(wait);
    settle(here, wait);
}

void commit_timed(worker& here, void* argument) noexcept {
    timed_parking& wait = *static_cast<timed_parking*>(argument);
    open_wait(wait); // first: the timer of a wait that is not open would end nothing
    here.timers().insert(wait.deadline);
    settle(here, wait);
}

wait_state state_for(const waiter& self, interruption cancel, unsigned int unwinding) noexcept {
    if ((static_cast<unsigned int>(cancel) | self.firm_depth | unwinding) == 0) [[likely]]
        return wait_state::open;
    if (cancel != interruption::hooked) return wait_state::firm;
    return self.firm_depth != 0 || unwinding != 0 ? wait_state::sheltered : wait_state::hooked;
}
static_assert(static_cast<unsigned int>(interruption::allowed) == 0);

std::uint64_t word_for(const coroutine& self, const park_request& request,
                       const worker& here) noexcept {
    return wait_word(next_epoch(self),
                     state_for(self, request.cancel, here.exceptions_in_flight()));
}

// Returns when the wait is over and nobody looks at its frame any more.
inline std::size_t leave_for(parking& wait, worker& here, after_switch after) noexcept {
    coroutine& self = wait.self;
    const wait_kind kind = wait.request.kind;
    self.since_ns.store(here.coarse_now_ns(), std::memory_order_relaxed);
    here.counters().count_park(kind);
    if (switches_watched()) [[unlikely]]
        watch_leaving(trace_event::parked, self, static_cast<std::uint8_t>(kind));
    here.leave(after);
    if (tracing()) [[unlikely]]
        trace_running(trace_event::resumed, self);
    while (!wait.settled.load(std::memory_order_acquire)) cpu_relax(); // another worker is at it
    return self.result;
}

std::size_t park_coroutine(coroutine& self, const park_request& request) noexcept {
    worker& here = *current_worker();
    parking wait{self, request, word_for(self, request, here)};
    return leave_for(wait, here, {commit, &wait});
}

COIR_NOINLINE std::size_t park_until(coroutine& self, const park_request& request) noexcept {
    worker& here = *current_worker();
    const std::uint64_t word = word_for(self, request, here);
    wait_deadline deadline;
    deadline.deadline_ns = request.deadline_ns;
    deadline.fire = time_out;
    deadline.party = &self;
    deadline.epoch = epoch_of(word);
    self.deadline_ns.store(request.deadline_ns, std::memory_order_relaxed); // for reports
    timed_parking wait{{self, request, word}, deadline};
    const std::size_t result = leave_for(wait, here, {commit_timed, &wait});
    if (result != wait_timed_out) timer_remove(deadline);
    self.deadline_ns.store(never_ns, std::memory_order_relaxed);
    return result;
}

COIR_NOINLINE std::size_t park_this_thread(waiter& self, const park_request& request) noexcept {
    const auto unwinding = static_cast<unsigned int>(std::uncaught_exceptions());
    return park_thread(static_cast<thread_waiter&>(self), request,
                       state_for(self, request.cancel, unwinding));
}

std::size_t park_party(waiter& self, const park_request& request) noexcept {
    if (self.is_thread) return park_this_thread(self, request);
    auto& co = static_cast<coroutine&>(self);
    return request.deadline_ns == never_ns ? park_coroutine(co, request) : park_until(co, request);
}

} // namespace

waiter& current_thread_party() noexcept {
    if (forked_inside_coroutine()) [[unlikely]]
        fatal(used_after_fork);
    return current_thread_waiter();
}

std::size_t park(waiter& self, const park_request& request) noexcept {
    // relaxed: for reports only.
    self.kind.store(request.kind, std::memory_order_relaxed);
    self.object.store(request.object, std::memory_order_relaxed);
    const std::size_t result = park_party(self, request);
    self.kind.store(wait_kind::none, std::memory_order_relaxed);
    return result;
}

void wake_thread_party(waiter& party) noexcept { wake_thread(static_cast<thread_waiter&>(party)); }

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
