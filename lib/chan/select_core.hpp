// SPDX-License-Identifier: MIT
#pragma once
// Owns the wait at many things, of which exactly one happens.
//
// Protocol
//   Takes the cases in random order: locks each one's source, keeps the locks of those before, and
//   commits the first that is ready. So a select of which all are ready takes one lock. Only the
//   first lock is waited for; if another is taken, all are released, sorted by address, and locked
//   in that order (as at once when there are many). With all of them held nothing can change, so
//   "is any ready?" has one answer. If none is, a node is enqueued at each source, the coroutine
//   leaves, and the locks are released on the other side of the switch (park.hpp). Whoever makes a
//   case ready claims the wait; the others fail to. The woken selector withdraws the other nodes.
// Invariants
//   While it holds the locks the selector is in no queue, so it never pairs with itself, and a peer
//   that it claims cannot be claiming it: two selects that face each other need no second claim.
// Rejected
//   One lock at a time, registering as it goes: a peer may claim the selector while it still looks
//   at the next source, so it must claim itself before it can take anything, and two selects facing
//   each other must each claim both: back-off loops, and an answer that no single moment had.

#include <coir/detail/select_entry.hpp>
