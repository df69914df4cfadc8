// SPDX-License-Identifier: MIT
#include "sched/trace.hpp"

#include "sched/worker.hpp"

#include <new>

namespace coir::detail {
namespace {

// Writes into the buffer of the calling thread.
template <typename Write> void record_here(Write&& write) noexcept {
    if (worker* const here = current_worker()) {
        if (trace_buffer* const own = here->trace()) write(*own);
        return;
    }
    trace_buffer& shared = shared_trace();
    const std::lock_guard guard{shared.lock};
    write(shared);
}

} // namespace

std::uint32_t trace_buffer::keep(std::string_view text) noexcept {
    if (text.empty() || texts_.size() == most_texts) return 0;
    try {
        texts_.emplace_back(text);
    } catch (const std::bad_alloc&) {
        return 0;
    }
    return static_cast<std::uint32_t>(texts_.size() - 1);
}

void trace_running(trace_event event, const coroutine& self, std::uint8_t detail) noexcept {
    record_here([&](trace_buffer& into) {
        trace_record record;
        record.ticks = trace_ticks();
        record.coroutine = self.id;
        record.flow = wait_number(self);
        record.event = event;
        record.detail = detail;
        if (event == trace_event::began) record.text = into.keep(self.name);
        into.add(record);
    });
}

void trace_wake(const coroutine& woken) noexcept {
    const coroutine* const waker = current_coroutine();
    record_here([&](trace_buffer& into) {
        trace_record record;
        record.ticks = trace_ticks();
        record.coroutine = woken.id;
        record.flow = wait_number(woken);
        record.other = waker != nullptr ? waker->id : 0;
        record.event = trace_event::woke;
        into.add(record);
    });
}

void trace_worker(worker& here, trace_event event, std::uint64_t coroutine,
                  std::uint64_t other) noexcept {
    trace_buffer* const own = here.trace();
    if (own == nullptr) return;
    trace_record record;
    record.ticks = trace_ticks();
    record.coroutine = coroutine;
    record.other = other;
    record.event = event;
    own->add(record);
}

void trace_span_end(std::string_view name, std::uint64_t began_ticks) noexcept {
    const coroutine* const self = current_coroutine();
    record_here([&](trace_buffer& into) {
        trace_record record;
        record.ticks = trace_ticks();
        record.coroutine = self != nullptr ? self->id : 0;
        record.other = began_ticks;
        record.text = into.keep(name);
        record.event = trace_event::span;
        into.add_unbudgeted(record);
    });
}

// Relaxed: the child has one thread when it does so.
void forget_trace() noexcept {
    trace_is_open.store(false, std::memory_order_relaxed);
    constexpr auto others = static_cast<std::uint8_t>(~watched_for_trace);
    switch_watchers.fetch_and(others, std::memory_order_relaxed);
    trace_pause_ends_ns.store(never_ns, std::memory_order_relaxed);
}

trace_buffer& shared_trace() {
    static auto* const kept = new trace_buffer; // threads may outlive static destructors
    return *kept;
}

} // namespace coir::detail
