// SPDX-License-Identifier: MIT
#include "sched/spawn.hpp"

#include "base/check.hpp"
#include "sched/fork.hpp"
#include "sched/runtime_core.hpp"
#include "sched/settings.hpp"

#include <cstring>
#include <new>
#include <stdexcept>

namespace coir::detail {
namespace {

std::size_t overhead_of(const coroutine_order& order) noexcept {
    const std::size_t exact = pin_bytes + sizeof(coroutine) + order.name.size() +
                              order.payload_bytes + order.payload_alignment + frame_alignment;
    return exact <= usual_overhead_bytes ? usual_overhead_bytes
                                         : round_up_to_granule(exact) + usual_overhead_bytes;
}

bool is_worker_of(const worker* here, const runtime_core* runtime) noexcept {
    return here != nullptr && &here->runtime() == runtime;
}

run_session& session_for(const coroutine_order& order) noexcept {
    if (order.session != nullptr) return *order.session;
    const bool local = is_worker_of(order.here, order.runtime);
    const coroutine* const parent = local ? order.here->current() : nullptr;
    return parent != nullptr ? *parent->session : order.runtime->own_session();
}

// The record on a stack that is about to have a coroutine, as a new one begins with.
coroutine& renewed_record(stack memory, const worker* here) noexcept {
    coroutine& co = coroutine_at(memory.top);
    // Fresh memory is written to before it is read: a first read has the kernel map its page of
    // zeroes, and the write after it costs a second fault, which interrupts all other processors
    // that run this process (docs/performance.md, Cold stacks).
    first_touch_of(memory.top) = 1;
    volatile bool& exists =
        record_exists(memory.top); // zero in fresh memory, and where pages were given back
    if (!exists) {
        new (&co) coroutine;
        co.slot_payload_bytes = stack_payload_bytes_of(memory);
        co.scope = &co.root_scope;
        co.root_scope.owner = &co;
        exists = true;
    }
    co.join_lock.gate().renew(here);
    renew_record(co);
    return co;
}

} // namespace

coroutine& make_coroutine(const coroutine_order& order) {
    if (order.stack_bytes != 0 && order.stack_bytes < least_stack_bytes) {
        throw std::invalid_argument{"coir: stack_size must be at least 16 KiB"};
    }
    worker* const here = order.here;
    run_session& session = session_for(order);
    const std::size_t stack_bytes =
        order.stack_bytes != 0 ? order.stack_bytes : session.stack_bytes;
    const std::size_t wanted = stack_bytes + overhead_of(order);
    const stack memory =
        here != nullptr ? here->stacks().acquire(wanted) : stack_depot::instance().acquire(wanted);
    coroutine& co = renewed_record(memory, here);
    co.runtime = order.runtime;
    co.session = &session;
    co.own_stack_bytes = order.stack_bytes;
    // relaxed: published by the pin.
    co.special.store(order.stack_bytes != 0 || !order.name.empty(), std::memory_order_relaxed);
    co.start_site = order.start_site;
    co.id = here != nullptr ? here->next_id() : take_coroutine_ids(1);
    auto* below = reinterpret_cast<std::byte*>(&co);
    if (!order.name.empty()) {
        below -= order.name.size();
        std::memcpy(below, order.name.data(), order.name.size());
        co.name = {reinterpret_cast<const char*>(below), order.name.size()};
    }
    co.payload = align_down(below - order.payload_bytes, order.payload_alignment);
    return co;
}

void start_coroutine(coroutine& co, context_entry entry) noexcept {
    context_make(co.flow, co.memory().bottom, floor_of(co), entry);
    worker* const here = current_worker();
    const bool local = is_worker_of(here, co.runtime);
    // In a forked child no thread is a worker.
    if (!local && co.runtime->belongs_to_parent_process()) [[unlikely]]
        fatal(used_after_fork);
    run_session& session = *co.session;
    if (local) {
        session.count_start(here->index());
    } else {
        session.count_start_elsewhere();
    }
    if (tracing()) [[unlikely]]
        trace_wake(co);
    publish_start(co, session);
    if (local) {
        here->ready(co);
    } else {
        co.runtime->inject(co);
    }
}

void discard_coroutine(coroutine& co) noexcept { release_memory(co); }

namespace {

// A detached one has nobody else and is ours to free.
COIR_NOINLINE void retire_detached(worker& self, coroutine& co) noexcept {
    run_session& session = *co.session;
    unpin(co);
    session.count_end(self.index());
}

} // namespace

void retire(worker& self, void* ended) noexcept {
    auto& co = *static_cast<coroutine*>(ended);
    context_end(co.flow);
    if (co.joining.load(std::memory_order_relaxed) == join_state::detached) {
        return retire_detached(self, co);
    }
    run_session& session = *co.session;
    // release: pairs with the acquire of whoever frees the coroutine: we are off its stack.
    co.joining.store(join_state::done, std::memory_order_release);
    session.count_end(self.index());
}

void release_memory_slow(coroutine& co) noexcept {
    // relaxed, both: nobody else has the record.
    co.special.store(false, std::memory_order_relaxed);
    co.name = {};
    co.own_stack_bytes = 0;
    co.was_cancelled = false;
    co.failure = nullptr;
    co.late_settings.reset();
    co.root_scope.cancelled.store(false, std::memory_order_relaxed);
    if (co.root_scope.stop.stop_possible()) co.root_scope.stop = std::stop_source{std::nostopstate};
    if (worker* const here = current_worker()) {
        here->stacks().release(co.memory());
    } else {
        stack_depot::instance().release(co.memory());
    }
}

void unpin(coroutine& co) noexcept { unpin_quickly(co); }

bool try_pin(coroutine& co) noexcept {
    std::atomic<std::uint32_t>& pins = pins_of(top_of(co));
    std::uint32_t count = pins.load(std::memory_order_relaxed); // checked by the exchange
    do {
        if (count == 0) return false;
        // acquire: pairs with start_coroutine's release; the record may be read now.
    } while (!pins.compare_exchange_weak(count, count + 1, std::memory_order_acquire,
                                         std::memory_order_relaxed));
    return true;
}

void for_each_coroutine(void (*visit)(coroutine&, void*), void* argument) {
    stack_depot::instance().for_each_slot([&](stack slot) {
        coroutine& co = coroutine_at(slot.top);
        if (!try_pin(co)) return;
        visit(co, argument);
        unpin(co);
    });
}

} // namespace coir::detail
