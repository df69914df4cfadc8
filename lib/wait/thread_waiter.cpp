// SPDX-License-Identifier: MIT
#include "wait/thread_waiter.hpp"

#include "base/asymmetric_fence.hpp"
#include "base/futex.hpp"
#include "sched/cancel_scope.hpp"
#include "sched/deadlock.hpp"
#include "timer/clock.hpp"
#include "wait/cancellation.hpp"

namespace coir::detail {
namespace {

void count_as_parked(thread_waiter& self) noexcept {
    self.counted_as_parked = true;
    parked_threads.fetch_add(1, std::memory_order_seq_cst); // read by report_deadlock
}

void count_as_alive(thread_waiter& self) noexcept {
    if (!self.counted_as_parked) return;
    self.counted_as_parked = false;
    parked_threads.fetch_sub(1, std::memory_order_seq_cst);
}

void sleep_until_woken(thread_waiter& self, std::uint64_t epoch, std::int64_t deadline_ns) {
    // acquire: pairs with wake_thread's release; the result and the value are visible.
    while (self.woken.load(std::memory_order_acquire) == 0) {
        futex_wait(self.woken, 0, deadline_ns);
        if (deadline_ns == never_ns || monotonic_ns() < deadline_ns) continue;
        deadline_ns = never_ns;
        if (self.woken.load(std::memory_order_acquire) != 0) return;
        if (claimed(self, epoch)) {
            self.result = wait_timed_out;
            return;
        } // else somebody is about to wake us
    }
}

} // namespace

thread_waiter& current_thread_waiter() noexcept {
    static thread_local thread_waiter own;
    return own;
}

std::size_t park_thread(thread_waiter& self, const park_request& request,
                        wait_state opened) noexcept {
    const std::uint64_t epoch = next_epoch(self);
    self.woken.store(0, std::memory_order_relaxed); // published by the open word
    self.since_ns.store(monotonic_ns(), std::memory_order_relaxed);
    if (request.deadline_ns == never_ns) count_as_parked(self);
    self.word.store(wait_word(epoch, opened), std::memory_order_release);
    bool interrupted = false;
    if (self.scope != nullptr) {
        light_fence(); // store the word, load the flag: partner in cancel()
        interrupted =
            self.scope->cancelled.load(std::memory_order_relaxed) && interrupt_wait(self, epoch);
    }
    if (request.release != nullptr) request.release(request.held);
    if (interrupted) {
        count_as_alive(self);
    } else {
        sleep_until_woken(self, epoch, request.deadline_ns);
    }
    return self.result;
}

void wake_thread(thread_waiter& party) noexcept {
    thread_wakes.fetch_add(1, std::memory_order_seq_cst); // read by report_deadlock
    count_as_alive(party);
    // release: pairs with sleep_until_woken. The thread may end at once; futex_wake uses only the
    // address.
    party.woken.store(1, std::memory_order_release);
    futex_wake(party.woken, 1);
}

} // namespace coir::detail
