// SPDX-License-Identifier: MIT
#include "wait/cancellation.hpp"

#include "base/asymmetric_fence.hpp"
#include "sched/run_session.hpp"
#include "sched/worker.hpp"
#include "wait/park.hpp"

#include <exception>
#include <mutex>
#include <vector>

namespace coir::detail {
namespace {

// Visits `top` and its descendants, parents first; descends from a scope where `visit` says so.
// Iterative: trees may be as deep as programs nest groups. The locks from `top` down to the visited
// scope are held.
template <typename Visit> void walk(cancel_scope& top, Visit&& visit) {
    cancel_scope* scope = &top;
    scope->lock.lock();
    bool descend = visit(*scope);
    for (;;) {
        if (cancel_scope* const child = descend ? scope->children.front() : nullptr) {
            scope = child;
        } else {
            while (scope != &top && scope->next == nullptr) {
                cancel_scope* const parent = scope->parent;
                scope->lock.unlock();
                scope = parent;
            }
            if (scope == &top) break;
            cancel_scope* const sibling = scope->next;
            scope->lock.unlock();
            scope = sibling;
        }
        scope->lock.lock();
        descend = visit(*scope);
    }
    top.lock.unlock();
}

void interrupt_owner(cancel_scope& scope) noexcept {
    if (scope.owner == nullptr || scope.nested) return;
    waiter& owner = *scope.owner;
    // relaxed: the heavy fence lies between the mark and this; the claim has its own ordering.
    const std::uint64_t epoch = epoch_of(owner.word.load(std::memory_order_relaxed));
    if (!interrupt_wait(owner, epoch)) return;
    if (owner.is_thread) return wake(owner);
    schedule_last(static_cast<coroutine&>(owner));
}

using stop_sources = std::vector<std::stop_source>;

void collect_stop(const cancel_scope& scope, stop_sources& stops) {
    if (scope.stop.stop_possible() && !scope.stop.stop_requested()) stops.push_back(scope.stop);
}

void collect_stops(cancel_scope& top, stop_sources& stops) {
    walk(top, [&](cancel_scope& scope) {
        if (&scope != &top && scope.shielded) return false;
        collect_stop(scope, stops);
        return true;
    });
}

void mark_all(cancel_scope& top, stop_sources& stops) {
    walk(top, [&](cancel_scope& scope) {
        if (&scope != &top && scope.shielded) return false;
        // relaxed: ordered against the waits by the fences.
        scope.cancelled.store(true, std::memory_order_relaxed);
        collect_stop(scope, stops); // one that was made since collect_stops()
        return true;
    });
}

void interrupt_all(cancel_scope& top) {
    walk(top, [&](cancel_scope& scope) {
        if (&scope != &top && scope.shielded) return false;
        interrupt_owner(scope);
        return true;
    });
}

void request_stops(stop_sources& stops) {
    for (const std::stop_source& stop : stops) stop.request_stop(); // user callbacks: under no lock
    stops.clear();
}

} // namespace

void cancel(cancel_scope& scope) noexcept {
    stop_sources stops;
    collect_stops(scope, stops);
    request_stops(stops); // first, so that who gets `cancelled` finds its token stopped
    mark_all(scope, stops);
    request_stops(stops);
    heavy_fence(); // store the flag, load the word: partner in commit() and park_thread()
    interrupt_all(scope);
}

bool has_stop_tokens(cancel_scope& scope) noexcept {
    stop_sources stops;
    collect_stops(scope, stops);
    return !stops.empty();
}

namespace {

/// Those of one session that are left over, each with a pin.
struct leftovers {
    run_session& session;
    coroutine* first = nullptr;
    coroutine* last = nullptr;
};

void add_leftover(coroutine& co, void* argument) {
    auto& found = *static_cast<leftovers*>(argument);
    if (co.session != &found.session || !try_pin(co)) return;
    co.next_leftover = nullptr; // its session's end has one thread
    (found.last != nullptr ? found.last->next_leftover : found.first) = &co;
    found.last = &co;
}

} // namespace

void cancel_session(run_session& session) noexcept {
    leftovers found{session};
    session.stopping.store(true, std::memory_order_relaxed);
    heavy_fence(); // store `stopping`, read the pins: partner in start_coroutine
    if (session.alive() == 0) return;
    // One look at all stacks, no more: there may have been millions of coroutines of which few
    // are left.
    for_each_coroutine(add_leftover, &found);
    stop_sources stops;
    for (coroutine* co = found.first; co != nullptr; co = co->next_leftover)
        collect_stops(co->root_scope, stops);
    request_stops(stops);
    for (coroutine* co = found.first; co != nullptr; co = co->next_leftover)
        mark_all(co->root_scope, stops);
    request_stops(stops);
    heavy_fence(); // as in cancel()
    while (coroutine* const co = found.first) {
        found.first = co->next_leftover;
        interrupt_all(co->root_scope);
        unpin(*co);
    }
}

void link_scope(cancel_scope& scope, cancel_scope& parent) noexcept {
    const std::lock_guard guard{parent.lock};
    scope.parent = &parent;
    parent.children.push_back(scope);
    if (parent.cancelled.load(std::memory_order_relaxed) && !scope.shielded) {
        scope.cancelled.store(true, std::memory_order_relaxed); // the owner's own, or not yet its
    }
}

void unlink_scope(cancel_scope& scope) noexcept {
    const std::lock_guard guard{scope.parent->lock};
    scope.parent->children.remove(scope);
}

void push_scope(waiter& self, cancel_scope& scope) noexcept {
    scope.owner = &self;
    cancel_scope* const outer = self.scope;
    if (outer != nullptr) {
        link_scope(scope, *outer);
        const std::lock_guard guard{outer->lock};
        outer->nested = true;
    }
    self.scope = &scope;
}

void pop_scope(waiter& self, cancel_scope& scope) noexcept {
    cancel_scope* const outer = scope.parent;
    if (outer != nullptr) {
        const std::lock_guard guard{outer->lock};
        outer->children.remove(scope);
        outer->nested = false;
    }
    self.scope = outer;
}

namespace {

// The state that an interruption leads to; `none` where it does nothing.
wait_state after_interruption(wait_state state, interruption_force force) noexcept {
    if (state == wait_state::open) return wait_state::claimed;
    if (state == wait_state::hooked) return wait_state::interrupted;
    const bool forced = force == interruption_force::close;
    return state == wait_state::sheltered && forced ? wait_state::interrupted : wait_state::none;
}

} // namespace

bool interrupt_wait(waiter& party, std::uint64_t epoch, interruption_force force) noexcept {
    const wait_state before =
        end_wait(party, epoch, [&](wait_state state) { return after_interruption(state, force); });
    if (before == wait_state::open) {
        party.result = wait_cancelled;
        return true;
    }
    if (before != wait_state::none) party.interrupt(party);
    return false;
}

bool is_interrupted(const waiter& self) noexcept {
    return self.scope != nullptr && self.scope->cancelled.load(std::memory_order_relaxed) &&
           self.firm_depth == 0 && std::uncaught_exceptions() == 0;
}

} // namespace coir::detail
