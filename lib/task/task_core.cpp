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

void run_callable(coroutine& self) noexcept {
    if (self.root_scope.cancelled.load(std::memory_order_relaxed)) {
        self.was_cancelled = true; // stopped before its first instruction
    } else {
        try {
            operations_of(self).invoke(self.payload);
        } catch (const cancelled&) {
            self.was_cancelled = true;
        } catch (...) {
            self.failure = std::current_exception();
        }
    }
    // From here on user code runs only to be got rid of, which a cancellation must not disturb.
    ++self.firm_depth;
    operations_of(self).drop_callable(self.payload);
}

void collect_leftovers(coroutine& co) noexcept {
    if (co.failure != nullptr) report_unhandled(co, std::exchange(co.failure, nullptr));
    operations_of(co).drop_result(co.payload);
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

// True: somebody still holds the task; its joiners are awake. They wait until we are off the stack.
bool announce_end(coroutine& self) noexcept {
    wake_list woken;
    {
        const std::lock_guard guard{self.join_lock};
        if (self.joining.load(std::memory_order_relaxed) == join_state::detached) return false;
        self.joining.store(join_state::finishing, std::memory_order_release);
        while (wait_node* const node = claim_joiner_locked(self)) woken.add(*node);
    }
    woken.wake();
    return true;
}

void run_task(coroutine& self) noexcept {
    run_callable(self);
    if (self.locals != nullptr) drop_locals(self);
    if (self.at_end != nullptr) self.at_end(self);
    if (!announce_end(self)) collect_leftovers(self);
}

constexpr coroutine_program task_program{run_task};

void wait_until_off_stack(coroutine& co) noexcept {
    // acquire: pairs with retire(). Between `finishing` and `done` lies one switch.
    for (int spins = 0; co.joining.load(std::memory_order_acquire) != join_state::done; ++spins) {
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

} // namespace

coroutine& prepare_task(const start_request& request) {
    worker* const here = current_worker();
    coroutine_order order;
    order.here = here;
    order.runtime = &runtime_for(request.runtime, here);
    order.session = request.session;
    order.program = &task_program;
    order.payload_bytes = request.payload_bytes;
    order.payload_alignment = request.payload_alignment;
    order.stack_bytes = request.stack_size;
    order.name = request.name;
    order.start_site = request.site;
    coroutine& co = make_coroutine(order);
    co.payload_operations = request.operations;
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

void* payload_of(coroutine& co) noexcept { return co.payload; }
void launch_task(coroutine& co) noexcept {
    start_coroutine(co);
    scheduling_point(step::start); // behind it: the new one may be faster than the rest of `go`
}

void abandon_task(coroutine& co) noexcept {
    drop_locals(co);
    discard_coroutine(co);
}

void wait_for_task(coroutine& co) {
    scheduling_point(step::join, &co);
    co.join_lock.lock();
    if (co.joining.load(std::memory_order_relaxed) >= join_state::finishing) {
        co.join_lock.unlock();
        return wait_until_off_stack(co);
    }
    waiter& self = current_waiter();
    wait_node node;
    node.party = &self;
    node.epoch = next_epoch(self);
    co.joiners.push_back(node);
    if (park(self, {wait_kind::join, &co, release_join_lock, &co}) == wait_cancelled) {
        {
            const std::lock_guard guard{co.join_lock};
            if (node.linked) co.joiners.remove(node);
        }
        throw cancelled{};
    }
    wait_until_off_stack(co);
}

void rethrow_failure(coroutine& co) {
    if (co.failure != nullptr) std::rethrow_exception(std::exchange(co.failure, nullptr));
    if (co.was_cancelled) throw task_cancelled{};
}

void free_task(coroutine& co) noexcept { unpin(co); }

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

std::uint64_t task_id(const coroutine& co) noexcept { return co.id; }

void refuse_in_coroutine(const char* what) {
    if (current_worker() == nullptr) return;
    throw std::logic_error{std::string{what} + ": called inside a coroutine"};
}

void throw_not_joinable() {
    throw std::logic_error{"coir::task: nothing to join: a nil task, or joined already"};
}

} // namespace coir::detail
