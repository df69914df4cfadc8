// SPDX-License-Identifier: MIT
#include "sched/spawn.hpp"

#include "base/asymmetric_fence.hpp"
#include "base/check.hpp"
#include "sched/fork.hpp"
#include "sched/runtime_core.hpp"
#include "sched/settings.hpp"

#include <cstring>
#include <new>
#include <stdexcept>

namespace coir::detail {
namespace {

constexpr std::size_t frame_alignment = 64;
// What lies above the stack proper fits in here nearly always, so that default coroutines all come
// from one size of slot: with the largest colour it is one page.
constexpr std::size_t usual_overhead = 2112;

std::byte* align_down(std::byte* address, std::size_t alignment) noexcept {
    return address - (reinterpret_cast<std::uintptr_t>(address) & (alignment - 1));
}

void retire(worker& self, void* ended) noexcept {
    auto& co = *static_cast<coroutine*>(ended);
    run_session& session = *co.session;
    context_discard(co.flow);
    // release: pairs with the acquire of whoever frees the coroutine: we are off its stack. A
    // detached one has nobody else and is ours to free.
    if (co.joining.load(std::memory_order_relaxed) == join_state::detached) {
        unpin(co);
    } else {
        co.joining.store(join_state::done, std::memory_order_release);
    }
    session.count_end(self.index());
}

void coroutine_main(void* argument) {
    auto* const here = static_cast<worker*>(argument);
    here->arrive();
    coroutine& self = *here->current();
    if (tracing()) [[unlikely]]
        trace_running(trace_event::began, self);
    self.program->run(self);
    if (tracing()) [[unlikely]]
        trace_running(trace_event::ended, self);
    current_worker()->leave_for_good({retire, &self});
}

std::size_t overhead_of(const coroutine_order& order) noexcept {
    const std::size_t exact = pin_bytes + sizeof(coroutine) + order.name.size() +
                              order.payload_bytes + order.payload_alignment + frame_alignment;
    return exact <= usual_overhead ? usual_overhead : round_up_to_granule(exact) + usual_overhead;
}

// A record outlives its coroutine, so that the next one on the same stack need not write all of it.
// What a coroutine leaves behind is put right here; what it owned, release_memory has let go.
coroutine& renewed_record(stack memory, const worker* here) noexcept {
    coroutine& co = coroutine_at(memory.top);
    // Fresh memory is written to before it is read: a first read has the kernel map its page of
    // zeroes, and the write after it costs a second fault, which interrupts all other processors
    // that run this process (docs/performance.md, Cold stacks).
    first_touch_of(memory.top) = 1;
    volatile bool& exists =
        record_exists(memory.top); // zero in fresh memory, and where pages were given back
    if (!exists) [[unlikely]] {
        new (&co) coroutine;
        co.stack_bottom = memory.bottom;
        co.scope = &co.root_scope;
        co.root_scope.owner = &co;
        exists = true;
        return co;
    }
    co.word.store(0, std::memory_order_relaxed); // as all below: published by the pin
    co.kind.store(wait_kind::none, std::memory_order_relaxed);
    co.firm_depth = 0;
    co.exceptions = {};
    co.at_end = nullptr;
    co.join_lock.gate().renew(here);
    co.joining.store(join_state::running, std::memory_order_relaxed);
    co.was_cancelled = false;
    co.root_scope.cancelled.store(false, std::memory_order_relaxed);
    co.root_scope.shielded = false;
    co.root_scope.nested = false;
    co.root_scope.parent = nullptr;
    return co;
}

} // namespace

coroutine& make_coroutine(const coroutine_order& order) {
    if (order.stack_bytes != 0 && order.stack_bytes < least_stack_bytes) {
        throw std::invalid_argument{"coir: stack_size must be at least 16 KiB"};
    }
    worker* const here = order.here;
    const std::size_t stack_bytes =
        order.stack_bytes != 0 ? order.stack_bytes : order.runtime->settings().stack_size;
    const std::size_t wanted = stack_bytes + overhead_of(order);
    const stack memory =
        here != nullptr ? here->stacks().acquire(wanted) : stack_depot::instance().acquire(wanted);
    coroutine& co = renewed_record(memory, here);
    co.runtime = order.runtime;
    co.session = order.session;
    co.program = order.program;
    co.stack_bytes = stack_bytes;
    co.start_site = order.start_site;
    co.id = here != nullptr ? here->next_id() : take_coroutine_ids(1);
    auto* below = reinterpret_cast<std::byte*>(&co);
    co.name = {};
    if (!order.name.empty()) [[unlikely]] {
        below -= order.name.size();
        std::memcpy(below, order.name.data(), order.name.size());
        co.name = {reinterpret_cast<const char*>(below), order.name.size()};
    }
    co.payload = align_down(below - order.payload_bytes, order.payload_alignment);
    return co;
}

void start_coroutine(coroutine& co) noexcept {
    auto* const floor = align_down(static_cast<std::byte*>(co.payload), frame_alignment);
    context_make(co.flow, co.memory().bottom, floor, coroutine_main);
    worker* const here = current_worker();
    const bool local = here != nullptr && &here->runtime() == co.runtime;
    // In a forked child no thread is a worker.
    if (!local && co.runtime->belongs_to_parent_process()) [[unlikely]]
        fatal(used_after_fork);
    coroutine* const parent = local ? here->current() : nullptr;
    if (co.session == nullptr) {
        co.session = parent != nullptr ? parent->session : &co.runtime->own_session();
    }
    run_session& session = *co.session;
    session.count_start(local ? here->index() : session.stripe_count - 1);
    // release: a visitor that pins it sees the whole record.
    pins_of(co.memory().top).store(1, std::memory_order_release);
    if (tracing()) [[unlikely]]
        trace_wake(co);
    light_fence(); // store the pin, load `stopping`: partner in cancel_session
    if (session.stopping.load(std::memory_order_relaxed)) [[unlikely]] {
        co.root_scope.cancelled.store(true, std::memory_order_relaxed); // its own thread reads it
    }
    if (local) {
        here->ready(co);
    } else {
        co.runtime->inject(co);
    }
}

namespace {

void release_memory(coroutine& co) noexcept {
    const stack memory = co.memory();
    if (co.late_settings != nullptr) co.late_settings.reset();
    if (co.failure != nullptr) co.failure = nullptr;
    if (co.root_scope.stop.stop_possible()) co.root_scope.stop = std::stop_source{std::nostopstate};
    if (worker* const here = current_worker()) {
        here->stacks().release(memory);
    } else {
        stack_depot::instance().release(memory);
    }
}

} // namespace

void discard_coroutine(coroutine& co) noexcept { release_memory(co); }

void unpin(coroutine& co) noexcept {
    std::atomic<std::uint32_t>& pins = pins_of(co.memory().top);
    // acquire-release: whoever takes the last one sees all that the others did to the record.
    if (pins.fetch_sub(1, std::memory_order_acq_rel) == 1) release_memory(co);
}

bool try_pin(coroutine& co) noexcept {
    std::atomic<std::uint32_t>& pins = pins_of(co.memory().top);
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
