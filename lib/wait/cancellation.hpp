// SPDX-License-Identifier: MIT
#pragma once
// Owns how cancellation travels: down the tree of scopes, to every wait inside.
//
// Invariants
//   A scope whose parent is cancelled is cancelled, unless it is a shield; `cancelled` never goes
//   back to false while the scope is in use.
//   A scope is in its parent's `children` from the moment it may be waited in to its end, except
//   the root scopes of coroutines without a group, which are found by other ways (the task's
//   handle; the visit of all coroutines at the end of run).
// Protocol of cancel()
//   0. Request the stop of the tokens inside, so that who gets `cancelled` finds its token stopped.
//   1. Walk down, mark each scope. 2. heavy_fence(). 3. Walk down again, interrupt the waits.
//   A wait that opens before 2 is seen by 3; one that opens later sees its mark (park.cpp).
//   A scope that is linked between 1 and 3 inherits the mark when it is linked.
//   Walks hold the locks along the path, parent first, so all scopes on it exist.

#include "sched/cancel_scope.hpp"
#include "sched/coroutine.hpp"
#include "wait/claim.hpp"

#include <cstdint>

namespace coir::detail {

/// Cancels the scope and all inside it. Any thread; not under a lock. Idempotent.
void cancel(cancel_scope& scope) noexcept;

/// Whether anybody has asked for a stop token of the scope or of one inside it: then cancel() runs
/// stop callbacks.
[[nodiscard]] bool has_stop_tokens(cancel_scope& scope) noexcept;

/// Cancels every coroutine of the session, those it starts meanwhile too.
void cancel_session(run_session& session) noexcept;

/// Puts `scope` under `parent`; it is cancelled already if the parent is.
void link_scope(cancel_scope& scope, cancel_scope& parent) noexcept;
/// Takes it out again; a cancellation under way is done with it on return.
void unlink_scope(cancel_scope& scope) noexcept;

/// Makes `scope` the innermost scope of `self`, which is the caller.
void push_scope(waiter& self, cancel_scope& scope) noexcept;
void pop_scope(waiter& self, cancel_scope& scope) noexcept;

enum class interruption_force : std::uint8_t {
    cancel, ///< respects shields and unwinding
    close,  ///< what is waited at goes away
};

/// Ends the wait `epoch` as cancelled if it is open; true: the caller has to wake the party. Calls
/// the `interrupt` of a hooked wait, which then ends by its completion.
[[nodiscard]] bool interrupt_wait(waiter& party, std::uint64_t epoch,
                                  interruption_force force = interruption_force::cancel) noexcept;

/// Whether the caller's waits would throw `cancelled` now.
[[nodiscard]] bool is_interrupted(const waiter& self) noexcept;

} // namespace coir::detail
