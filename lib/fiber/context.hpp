// SPDX-License-Identifier: MIT
#pragma once
// Owns contexts: flows of control that can be suspended and continued, and the switch among them.
//
// COIR_SWITCH_NATIVE chooses the machine's part: 1, a native switch (x86-64, aarch64); 0,
// Boost.Context. Undefined, it is 1 wherever a native switch exists.

#if !defined(COIR_SWITCH_NATIVE)
#if defined(__x86_64__) || defined(__aarch64__)
#define COIR_SWITCH_NATIVE 1
#else
#define COIR_SWITCH_NATIVE 0
#endif
#endif

#if !COIR_SWITCH_NATIVE
#include "fiber/switch_boost.hpp"
#elif defined(__x86_64__)
#include "fiber/switch_x86_64.hpp"
#elif defined(__aarch64__)
#include "fiber/switch_aarch64.hpp"
#else
#error "no native switch for this processor: build with -Dswitch=boost"
#endif

#include "fiber/sanitizer_fiber.hpp"

#include <cstddef>

namespace coir::detail {

/// A flow of control while it is suspended. The flow that runs has a context too: the one its next
/// switch saves it in.
///
///     fresh --switch--> running --switch--> suspended --switch--> running --exit--> finished
///     finished or fresh --discard--> empty --make--> fresh
struct context {
    machine_context machine;
    [[no_unique_address]] sanitizer_fiber sanitizer;
};

/// Makes `made` a fresh flow on [bottom, top) that will begin in `entry` with the argument of the
/// first switch to it. Nothing runs yet. `entry` must end by context_exit: returning or throwing
/// ends the process.
inline void context_make(context& made, std::byte* bottom, std::byte* top,
                         context_entry entry) noexcept {
    machine_make(made.machine, bottom, top, entry);
    fiber_made(made.sanitizer, bottom, top);
}

/// As context_make, if Valgrind knows that flow: see is_unknown_to_valgrind.
inline void context_make_known(context& made, std::byte* bottom, std::byte* top,
                               context_entry entry) noexcept {
    machine_make(made.machine, bottom, top, entry);
    if constexpr (COIR_ASAN != 0 || COIR_TSAN != 0) fiber_made(made.sanitizer, bottom, top);
}

/// Saves the running flow in `from` and continues `to`. Returns the argument of the switch that
/// later continues `from`, perhaps on another thread: whatever was read from thread-local storage
/// before the call is stale after it.
COIR_UNINSTRUMENTED inline void* context_switch(context& from, context& to,
                                                void* argument) noexcept {
    fiber_leaves(from.sanitizer, to.sanitizer, false);
    void* const received = machine_switch(from.machine, to.machine, argument);
    fiber_arrives(&from.sanitizer);
    return received;
}

/// Continues `to` and never comes back: the last switch of a finished flow. `from` must live until
/// `to` runs, which is also who may discard it.
[[noreturn]] COIR_UNINSTRUMENTED inline void context_exit(context& from, context& to,
                                                          void* argument) noexcept {
    fiber_leaves(from.sanitizer, to.sanitizer, true);
    machine_switch(from.machine, to.machine, argument);
    __builtin_trap(); // a finished flow was continued
}

/// Lets `thread` stand for the calling thread's own stack, which its first switch away is saved in.
inline void context_adopt_thread(context& thread) noexcept { fiber_adopted(thread.sanitizer); }

/// Gives back what the tools hold for a finished or fresh context; it may then be made again.
inline void context_discard(context& discarded) noexcept { fiber_discarded(discarded.sanitizer); }

/// As context_discard, for a finished one whose stack will only ever be used by this context.
inline void context_end(context& ended) noexcept { fiber_ended(ended.sanitizer); }

} // namespace coir::detail
