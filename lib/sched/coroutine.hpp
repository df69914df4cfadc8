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

enum class join_state : std::uint8_t {
    running,   ///< somebody may still join
    detached,  ///< no handle is left: the coroutine cleans up after itself
    finishing, ///< its result is there, but it has not left its stack yet
    done,      ///< off its stack: the handle's owner may free it
};

// The members are in the order of their use: the lines of a record that a short coroutine needs are
// few. What most coroutines leave alone is behind the rest.
struct coroutine final : waiter {
    coroutine() noexcept : waiter{false} {}

    context flow;
    exception_state exceptions{};
    std::string_view name; ///< `special` if not empty
    /// Where the frames end: nothing of the stack proper is above it.
    void* payload = nullptr;
    const void* payload_operations = nullptr;
    run_session* session = nullptr;
    /// Null once its runtime has ended, which only ended coroutines survive: then `late_settings`
    /// stands in. Changed under `join_lock`.
    runtime_core* runtime = nullptr;
    std::uint64_t id = 0;

    // Joining: guarded by `join_lock`, except that `done` is stored without it. Its gate is also
    // for those who end a wait of this coroutine: see wait/claim.hpp.
    [[no_unique_address]] biased_lock join_lock; // the next two lie in its last word
    std::atomic<join_state> joining{join_state::running};
    /// It has something that most coroutines do not have, and that whoever joins or frees it may
    /// have to see to: a name, a size of its own, a failure, a stop token, or that its runtime has
    /// ended. Set by its maker, by itself, or with a pin.
    std::atomic<bool> special{false};
    bool was_cancelled = false; ///< so is `special` then
    intrusive_list<wait_node> joiners;
    coroutine_locals* locals = nullptr;
    /// Run by the coroutine when its callable is gone, before its joiners learn of the end.
    void (*at_end)(coroutine&) noexcept = nullptr;

    cancel_scope root_scope;

    std::exception_ptr failure; ///< so is `special` then
    void* at_end_argument = nullptr;
    /// Link of the injection queue and of batches on their way to it.
    coroutine* next_queued = nullptr;
    /// Link among those that the end of `run` cancels.
    coroutine* next_leftover = nullptr;
    std::shared_ptr<const runtime_options> late_settings; ///< `special` then
    std::size_t slot_payload_bytes = 0;                   ///< what stack_class calls payload
    std::size_t own_stack_bytes = 0;  ///< 0: as its session says; else `special`
    const void* start_site = nullptr; ///< the return address of `go`

    [[nodiscard]] stack memory() const noexcept;
};

/// What lies between a record and the top of its stack: see pins_of and what follows it.
inline constexpr std::size_t pin_bytes = 8;

[[nodiscard]] inline std::byte* top_of(const coroutine& co) noexcept {
    const auto record_end = reinterpret_cast<std::uintptr_t>(&co + 1);
    return reinterpret_cast<std::byte*>(record_end + pin_bytes);
}

inline stack coroutine::memory() const noexcept {
    return stack_with_top(top_of(*this), slot_payload_bytes);
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
