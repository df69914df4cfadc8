// SPDX-License-Identifier: MIT
#pragma once
// Owns the birth and death of coroutines.
//
// A record outlives its coroutine, so that the next one on the same stack need not write all of it.
// What most coroutines need is inline here and calls nothing on its way; for the others it leaves
// off before it has changed anything, and the general function begins anew.

#include "base/asymmetric_fence.hpp"
#include "sched/coroutine.hpp"
#include "sched/run_session.hpp"
#include "sched/worker.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace coir::detail {

inline constexpr std::size_t frame_alignment = 64;
// What lies above the stack proper fits in here nearly always, so that default coroutines all come
// from one size of slot: with the largest colour it is one page.
inline constexpr std::size_t usual_overhead_bytes = 2112;
/// A payload no larger, aligned to no more than frame_alignment, fits in there without a name.
inline constexpr std::size_t most_usual_payload_bytes = 1024;
static_assert(pin_bytes + sizeof(coroutine) + most_usual_payload_bytes + 2 * frame_alignment <=
              usual_overhead_bytes);

/// What a coroutine is made from.
struct coroutine_order {
    worker* here = nullptr; ///< current_worker()
    runtime_core* runtime = nullptr;
    run_session* session = nullptr; ///< null: that of the caller, or the runtime's own
    std::size_t payload_bytes = 0;
    std::size_t payload_alignment = 1;
    std::size_t stack_bytes = 0; ///< 0: the runtime's
    std::string_view name = {};
    const void* start_site = nullptr;
};

/// Makes a coroutine that does not run yet; its payload is raw memory. It then has to be started or
/// discarded. Throws std::bad_alloc. Any thread.
[[nodiscard]] coroutine& make_coroutine(const coroutine_order& order);

/// Makes it runnable, to begin in `entry`, counted in its session. Any thread.
void start_coroutine(coroutine& co, context_entry entry) noexcept;

/// Part of it, when it has been counted: others see that it exists.
inline void publish_start(coroutine& co, const run_session& session) noexcept {
    // release: a visitor that pins it sees the whole record.
    pins_of(top_of(co)).store(1, std::memory_order_release);
    light_fence(); // store the pin, load `stopping`: partner in cancel_session
    if (session.stopping.load(std::memory_order_relaxed)) [[unlikely]] {
        co.root_scope.cancelled.store(true, std::memory_order_relaxed); // its own thread reads it
    }
}

/// Takes a coroutine back that was never started; its payload must be gone.
void discard_coroutine(coroutine& co) noexcept;

/// Runs when an ended coroutine has left its stack.
void retire(worker& self, void* ended) noexcept;

/// Leaves the coroutine that runs for good.
[[noreturn]] inline void end_coroutine(coroutine& self) noexcept {
    current_worker()->leave_for_good({retire, &self});
}

inline std::byte* align_down(std::byte* address, std::size_t alignment) noexcept {
    return address - (reinterpret_cast<std::uintptr_t>(address) & (alignment - 1));
}

/// Puts right what the last coroutine with this record has left behind. What it owned, and what
/// only `special` ones have, went when it was freed. The rest is as it began: a coroutine that has
/// ended waits for nothing and has left all scopes but its root.
inline void renew_record(coroutine& co) noexcept {
    co.word.store(0, std::memory_order_relaxed); // as all here: published by the pin
    co.firm_depth = 0;
    co.exceptions = {};
    co.joining.store(join_state::running, std::memory_order_relaxed);
}

/// As make_coroutine, for the running coroutine `parent` of `here`: one of its session that is not
/// `special`, with a usual payload. Null where it is not a matter of renewing a record at hand.
inline coroutine* make_usual_coroutine(worker& here, const coroutine& parent,
                                       std::size_t payload_bytes, const void* start_site) noexcept {
    run_session& session = *parent.session;
    std::byte* const top = here.stacks().at_hand(session.stack_bytes + usual_overhead_bytes);
    if (top == nullptr) [[unlikely]]
        return nullptr;
    first_touch_of(top) = 1; // as in make_coroutine
    coroutine& co = coroutine_at(top);
    if (!record_exists(top) || !co.join_lock.gate().is_renewed(&here) || !here.has_id_at_hand())
        [[unlikely]] {
        return nullptr;
    }
    here.stacks().take_at_hand();
    renew_record(co);
    co.session = &session;
    co.runtime = parent.runtime;
    co.start_site = start_site;
    co.payload = align_down(reinterpret_cast<std::byte*>(&co) - payload_bytes, frame_alignment);
    co.id = here.take_id_at_hand();
    return &co;
}

/// Where the frames of a coroutine begin: below its payload.
inline std::byte* floor_of(const coroutine& co) noexcept {
    return align_down(static_cast<std::byte*>(co.payload), frame_alignment);
}

/// start_coroutine by a worker of its runtime, while neither a trace nor a tool has to be told.
inline void start_unwatched(worker& here, coroutine& co, context_entry entry) noexcept {
    context_make_known(co.flow, co.memory().bottom, floor_of(co), entry);
    run_session& session = *co.session;
    session.count_start(here.index());
    publish_start(co, session);
    here.ready(co);
}

/// Whether start_unwatched will do, on a worker of its runtime.
[[nodiscard]] inline bool starts_unwatched(const coroutine& co) noexcept {
    return !tracing() && !is_unknown_to_valgrind(co.flow.sanitizer, floor_of(co));
}

/// release_memory where there is more to do than usual.
COIR_COLD void release_memory_slow(coroutine& co) noexcept;

/// Gives the stack of a coroutine back that nobody has pinned.
inline void release_memory(coroutine& co) noexcept {
    worker* const here = current_worker();
    // relaxed: the end of the last pin has published them.
    if (here == nullptr || co.special.load(std::memory_order_relaxed) ||
        co.root_scope.cancelled.load(std::memory_order_relaxed) ||
        !here->stacks().put(top_of(co), co.slot_payload_bytes)) [[unlikely]] {
        release_memory_slow(co);
    }
}

/// unpin(), inline.
inline void unpin_quickly(coroutine& co) noexcept {
    std::atomic<std::uint32_t>& pins = pins_of(top_of(co));
    // acquire-release: whoever takes the last one sees all that the others did to the record.
    if (pins.fetch_sub(1, std::memory_order_acq_rel) == 1) release_memory(co);
}

} // namespace coir::detail
