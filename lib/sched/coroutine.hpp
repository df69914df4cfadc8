// SPDX-License-Identifier: MIT
#pragma once
// Owns the record of one coroutine, which lies at the top of the coroutine's own stack.
//
//     slot_end - colour = top  | pins, and whether there is a record (never constructed: see below)
//                              | coroutine record
//                              | name, payload (the callable, then its result)
//                              | the stack proper, growing down
//     bottom                   | guard
//
// Reports and the end of `run` find coroutines by visiting every stack slot, so that starting one
// registers nothing. `pins` lies at a fixed place, is zero in fresh memory, and is only ever used
// atomically: a visitor adds a pin unless it is zero, and only then reads the record.

#include "fiber/context.hpp"
#include "fiber/exception_state.hpp"
#include "fiber/stack_pool.hpp"
#include "sched/biased_lock.hpp"
#include "sched/cancel_scope.hpp"
#include "sched/waiter.hpp"

#include <coir/runtime_options.hpp>

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <string_view>

namespace coir::detail {

class runtime_core;
struct coroutine;
struct coroutine_locals;
struct run_session;

/// What sched asks of the code that a coroutine runs; given by the task layer.
struct coroutine_program {
    /// Runs on the coroutine's stack from its first instruction to its last.
    void (*run)(coroutine&) noexcept;
};

enum class join_state : std::uint8_t {
    running,   ///< somebody may still join
    detached,  ///< no handle is left: the coroutine cleans up after itself
    finishing, ///< its result is there, but it has not left its stack yet
    done,      ///< off its stack: the handle's owner may free it
};

struct coroutine final : waiter {
    coroutine() noexcept : waiter{false} {}

    context flow;
    exception_state exceptions{};
    /// Null once its runtime has ended, which only ended coroutines survive: then `late_settings`
    /// stands in. Changed under `join_lock`.
    runtime_core* runtime = nullptr;
    std::shared_ptr<const runtime_options> late_settings;
    run_session* session = nullptr;
    const coroutine_program* program = nullptr;
    void* payload = nullptr;
    const void* payload_operations = nullptr;
    /// Link of the injection queue and of batches on their way to it.
    coroutine* next_queued = nullptr;
    coroutine_locals* locals = nullptr;

    // Joining: guarded by `join_lock`, except that `done` is stored without it. Its gate is also
    // for those who end a wait of this coroutine: see wait/claim.hpp.
    [[no_unique_address]] biased_lock join_lock; // the next two lie in its last word
    std::atomic<join_state> joining{join_state::running};
    bool was_cancelled = false;
    std::exception_ptr failure;
    intrusive_list<wait_node> joiners;

    /// Run by the coroutine when its callable is gone, before its joiners learn of the end.
    void (*at_end)(coroutine&) noexcept = nullptr;
    void* at_end_argument = nullptr;

    cancel_scope root_scope;
    std::byte* stack_bottom = nullptr;
    /// Link among those that the end of `run` cancels.
    coroutine* next_leftover = nullptr;
    std::uint64_t id = 0;
    const void* start_site = nullptr; ///< the return address of `go`
    std::size_t stack_bytes = 0;
    std::string_view name;

    [[nodiscard]] stack memory() const noexcept;
};

inline constexpr std::size_t pin_bytes = 64;

inline stack coroutine::memory() const noexcept {
    const auto record_end = reinterpret_cast<std::uintptr_t>(this + 1);
    return {stack_bottom, reinterpret_cast<std::byte*>(record_end + pin_bytes)};
}

[[nodiscard]] inline std::atomic<std::uint32_t>& pins_of(std::byte* top) noexcept {
    return *reinterpret_cast<std::atomic<std::uint32_t>*>(top - pin_bytes);
}

/// Whether the stack with this top has had a coroutine since its memory was fresh: then the record
/// is still there. Belongs to whoever has the stack. Volatile, as first_touch_of, so that the two
/// happen in the order in which they are written.
[[nodiscard]] inline volatile bool& record_exists(std::byte* top) noexcept {
    return *reinterpret_cast<volatile bool*>(top - pin_bytes / 2);
}

/// Beside the two above, for nothing but to be written.
[[nodiscard]] inline volatile std::uint8_t& first_touch_of(std::byte* top) noexcept {
    return *reinterpret_cast<volatile std::uint8_t*>(top - pin_bytes / 4);
}

[[nodiscard]] inline coroutine& coroutine_at(std::byte* top) noexcept {
    return *reinterpret_cast<coroutine*>(top - pin_bytes - sizeof(coroutine));
}

/// Adds a pin, unless the coroutine is gone: then the record may only be looked at no further.
[[nodiscard]] bool try_pin(coroutine& co) noexcept;

/// Takes one pin or the existence away; the last one gives the stack back.
void unpin(coroutine& co) noexcept;

/// Calls `visit` for every coroutine that exists, pinned meanwhile.
void for_each_coroutine(void (*visit)(coroutine&, void*), void* argument);

} // namespace coir::detail
