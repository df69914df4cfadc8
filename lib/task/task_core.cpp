// SPDX-License-Identifier: MIT
// Owns what a task does from its first instruction to the end of its last handle.
//
// The states are those of join_state, and change under `join_lock`. A result is destroyed by
// whoever holds the task last: the handle, or the coroutine itself when it was detached before its
// end. It never happens after the coroutine has left its stack, because a destructor may park.

#include "base/check.hpp"
#include "sched/fork.hpp"
#include "sched/runtime_core.hpp"
#include "sched/spawn.hpp"
#include "task/local.hpp"
#include "task/unhandled.hpp"
#include "wait/cancellation.hpp"
#include "wait/park.hpp"

#include <coir/cancelled.hpp>
#include <coir/detail/scheduling_point.hpp>
#include <coir/task.hpp>

#include <sched.h>

#include <mutex>
#include <stdexcept>
#include <string>

namespace coir::detail {
namespace {

const payload_operations& operations_of(const coroutine& co) noexcept {
    return *static_cast<const payload_operations*>(co.payload_operations);
}

static_assert(usual_payload_bytes <= most_usual_payload_bytes);
static_assert(usual_payload_alignment <= frame_alignment);

void note_cancelled(coroutine& self) noexcept {
    self.was_cancelled = true;
    self.special.store(true, std::memory_order_relaxed); // published with the end, as the rest
}

void note_failure(coroutine& self, std::exception_ptr failure) noexcept {
    self.failure = std::move(failure);
    self.special.store(true, std::memory_order_relaxed); // published with the end, as the rest
}

void run_callable(coroutine& self) noexcept {
    if (self.root_scope.cancelled.load(std::memory_order_relaxed)) [[unlikely]] {
        note_cancelled(self); // stopped before its first instruction
    } else {
        try {
            operations_of(self).invoke(self.payload);
        } catch (const cancelled&) {
            note_cancelled(self);
        } catch (...) {
            note_failure(self, std::current_exception());
        }
    }
    // From here on user code runs only to be got rid of, which a cancellation must not disturb.
    ++self.firm_depth;
    const auto drop_callable = operations_of(self).drop_callable;
    if (drop_callable != nullptr) drop_callable(self.payload);
}

// What only some coroutines have, and those that are made from the record after this one have not.
COIR_NOINLINE void wind_up(coroutine& self) noexcept {
    if (self.locals != nullptr) drop_locals(self);
    if (self.at_end == nullptr) return;
    self.at_end(self);
    self.at_end = nullptr;
}

wait_node* claim_joiner_locked(coroutine& co) noexcept {
    while (wait_node* const node = co.joiners.pop_front()) {
        if (!claimed(*node->party, node->epoch)) continue;
        node->party->result = node->index;
        node->succeeded = true;
        return node;
    }
    return nullptr;
}

void collect_leftovers(coroutine& co) noexcept {
    if (co.failure != nullptr) report_unhandled(co, std::exchange(co.failure, nullptr));
    operations_of(co).drop_result(co.payload);
    drop_locals(co); // of the user's code that these have called
}

void finish_and_wake_all_locked(coroutine& self, wait_node& first) noexcept {
    wake_list woken;
    woken.add(first);
    while (wait_node* const node = claim_joiner_locked(self)) woken.add(*node);
    self.join_lock.unlock();
    woken.wake();
}

// Somebody waits already, or nobody ever will. Releases the lock.
[[gnu::noinline, gnu::flatten]] void announce_end_locked(coroutine& self) noexcept {
    if (self.joining.load(std::memory_order_relaxed) == join_state::detached) {
        self.join_lock.unlock();
        return collect_leftovers(self);
    }
    self.joining.store(join_state::finishing, std::memory_order_release);
    wait_node* const first = claim_joiner_locked(self);
    if (first != nullptr && !self.joiners.empty()) [[unlikely]]
        return finish_and_wake_all_locked(self, *first);
    self.join_lock.unlock();
    if (first != nullptr) wake(*first->party);
}

// If somebody still holds the task, its joiners are woken. They wait until we are off the stack.
[[gnu::flatten]] inline void announce_end(coroutine& self) noexcept {
    self.join_lock.lock();
    if (self.joining.load(std::memory_order_relaxed) != join_state::running ||
        !self.joiners.empty()) {
        return announce_end_locked(self);
    }
    self.joining.store(join_state::finishing, std::memory_order_release);
    self.join_lock.unlock();
}

// The first function of every coroutine.
void task_main(void* argument) noexcept {
    auto* const here = static_cast<worker*>(argument);
    here->arrive();
    coroutine& self = *here->current();
    if (tracing()) [[unlikely]]
        trace_running(trace_event::began, self);
    run_callable(self);
    if (self.locals != nullptr || self.at_end != nullptr) [[unlikely]]
        wind_up(self);
    announce_end(self);
    if (tracing()) [[unlikely]]
        trace_running(trace_event::ended, self);
    end_coroutine(self);
}

// acquire: pairs with retire(); all that the coroutine did is visible.
bool is_off_stack(const coroutine& co) noexcept {
    return co.joining.load(std::memory_order_acquire) == join_state::done;
}

void wait_until_off_stack(coroutine& co) noexcept {
    // Between `finishing` and `done` lies one switch.
    for (int spins = 0; !is_off_stack(co); ++spins) {
        if (spins % 64 == 63) {
            ::sched_yield();
        } else {
            cpu_relax();
        }
    }
}

void release_join_lock(void* co) noexcept { static_cast<coroutine*>(co)->join_lock.unlock(); }

runtime_core& runtime_for(runtime_core* wanted, worker* here) {
    if (wanted != nullptr) return *wanted;
    if (here != nullptr) return here->runtime();
    if (forked_inside_coroutine()) fatal(used_after_fork);
    throw std::logic_error{"coir::go: no runtime here; call it inside coir::run, or runtime::go"};
}

// Not inlined into what finds most tasks at their end.
[[gnu::noinline, gnu::flatten]] void wait_for_end(coroutine& co) {
    if (scheduling_point(step::join, &co) && is_off_stack(co)) return;
    co.join_lock.lock();
    if (co.joining.load(std::memory_order_relaxed) >= join_state::finishing) {
        co.join_lock.unlock();
        return wait_until_off_stack(co);
    }
    coroutine* const joiner = current_coroutine();
    waiter& self = joiner != nullptr ? *joiner : current_waiter();
    wait_node node;
    node.party = &self;
    node.epoch = next_epoch(self);
    co.joiners.push_back(node);
    if (park(self, {wait_kind::join, &co, release_join_lock, &co}) == wait_cancelled) [[unlikely]] {
        {
            const std::lock_guard guard{co.join_lock};
            if (node.linked) co.joiners.remove(node);
        }
        throw cancelled{};
    }
    if (!is_off_stack(co)) [[unlikely]]
        wait_until_off_stack(co);
}

bool simulation_goes_on() noexcept {
    return simulations_under_way.load(std::memory_order_relaxed) != 0; // as in scheduling_point
}

// A task that has ended takes no lock: `done` is the last that it, or who ends it, writes.
bool is_over(const coroutine& co) noexcept { return is_off_stack(co) && !simulation_goes_on(); }

bool has_failed(const coroutine& co) noexcept {
    // relaxed: published by the end, or nothing to whoever asks here.
    return co.special.load(std::memory_order_relaxed) &&
           (co.failure != nullptr || co.was_cancelled);
}

COIR_NOINLINE void free_special_task(coroutine& co) {
    struct release {
        coroutine& co;
        ~release() { unpin(co); }
    };
    const release joined{co};
    if (has_failed(co)) rethrow_failure(co);
}

COIR_ALWAYS_INLINE void forget_task(std::atomic<coroutine*>& handle, coroutine& co) {
    handle.store(nullptr, std::memory_order_relaxed); // as in join_task
    // relaxed: what others set meanwhile, with a pin, is nothing to us.
    if (co.special.load(std::memory_order_relaxed)) [[unlikely]]
        return free_special_task(co);
    unpin_quickly(co);
}

COIR_NOINLINE void join_task_slow(std::atomic<coroutine*>& handle) {
    coroutine* const co = handle.load(std::memory_order_relaxed); // as in join_task
    if (co == nullptr) throw_not_joinable();
    wait_for_end(*co);
    forget_task(handle, *co);
}

// One that is traced, simulated or new to Valgrind, or whose runtime is not the caller's.
COIR_NOINLINE void launch_watched_task(coroutine& co) noexcept {
    start_coroutine(co, task_main);
    scheduling_point(step::start); // behind it: the new one may be faster than the rest of `go`
}

// Not inlined into what nearly every coroutine is made by.
COIR_NOINLINE coroutine& make_requested(const payload_operations& operations,
                                        const start_request& request) {
    worker* const here = current_worker();
    coroutine_order order;
    order.here = here;
    order.runtime = &runtime_for(request.runtime, here);
    order.session = request.session;
    order.payload_bytes = operations.bytes;
    order.payload_alignment = operations.alignment;
    order.stack_bytes = request.stack_size;
    order.name = request.name;
    order.start_site = request.site;
    coroutine& co = make_coroutine(order);
    co.payload_operations = &operations;
    const coroutine* const parent = here != nullptr ? here->current() : nullptr;
    if (parent == nullptr || parent->locals != nullptr) {
        try {
            inherit_locals(co);
        } catch (...) {
            discard_coroutine(co);
            throw;
        }
    }
    return co;
}

COIR_NOINLINE prepared_task prepare_by_site(const payload_operations& operations,
                                            const void* site) {
    start_request request;
    request.site = site;
    return prepare_task(operations, request);
}

} // namespace

prepared_task prepare_task(const payload_operations& operations, const start_request& request) {
    coroutine& co = make_requested(operations, request);
    return {co, co.payload};
}

prepared_task prepare_task(const payload_operations& operations, const void* site) {
    worker* const here = current_worker();
    const coroutine* const parent = here != nullptr ? here->current() : nullptr;
    if (parent == nullptr || parent->locals != nullptr || !operations.usual) [[unlikely]]
        return prepare_by_site(operations, site);
    coroutine* const co = make_usual_coroutine(*here, *parent, operations.bytes, site);
    if (co == nullptr) [[unlikely]]
        return prepare_by_site(operations, site);
    co->payload_operations = &operations;
    return {*co, co->payload};
}

void launch_task(coroutine& co) noexcept {
    worker* const here = current_worker();
    if (here == nullptr || &here->runtime() != co.runtime || simulation_goes_on() ||
        !starts_unwatched(co)) [[unlikely]] {
        return launch_watched_task(co);
    }
    start_unwatched(*here, co, task_main);
}

void launch_task(coroutine& co, std::uint64_t& id) noexcept {
    id = co.id;
    launch_task(co);
}

void abandon_task(coroutine& co) noexcept {
    drop_locals(co);
    discard_coroutine(co);
}

void* wait_for_task(coroutine& co) {
    if (!is_over(co)) wait_for_end(co);
    return has_failed(co) ? nullptr : co.payload;
}

void rethrow_failure(coroutine& co) {
    if (co.failure != nullptr) std::rethrow_exception(std::exchange(co.failure, nullptr));
    throw task_cancelled{};
}

void free_task(coroutine& co) noexcept { unpin_quickly(co); }

void join_task(std::atomic<coroutine*>& handle) {
    // relaxed: the handle has one owner; others only tell its coroutine to stop.
    coroutine* const co = handle.load(std::memory_order_relaxed);
    if (co == nullptr || !is_over(*co)) return join_task_slow(handle);
    forget_task(handle, *co);
}

void detach_task(coroutine& co) noexcept {
    {
        const std::lock_guard guard{co.join_lock};
        if (co.joining.load(std::memory_order_relaxed) == join_state::running) {
            co.joining.store(join_state::detached, std::memory_order_relaxed);
            return;
        }
    }
    wait_until_off_stack(co);
    {
        const firm_section firm{current_waiter()};
        collect_leftovers(co);
    }
    unpin(co);
}

void stop_task(coroutine& co, std::uint64_t id) noexcept {
    scheduling_point(step::stop, &co);
    if (!try_pin(co)) return;
    if (co.id == id) cancel(co.root_scope);
    unpin(co);
}

bool task_done(coroutine& co, std::uint64_t id) noexcept {
    scheduling_point(step::inspect, &co);
    if (!try_pin(co)) return true;
    // acquire: pairs with announce_end; what the task did is visible to who finds it done.
    const bool done =
        co.id != id || co.joining.load(std::memory_order_acquire) >= join_state::finishing;
    unpin(co);
    return done;
}

void refuse_in_coroutine(const char* what) {
    if (current_worker() == nullptr) return;
    throw std::logic_error{std::string{what} + ": called inside a coroutine"};
}

void throw_not_joinable() {
    throw std::logic_error{"coir::task: nothing to join: a nil task, or joined already"};
}

} // namespace coir::detail
