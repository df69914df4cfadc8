// SPDX-License-Identifier: MIT
#pragma once
// Owns the values of the coroutine-locals of one coroutine or thread.

#include "sched/coroutine.hpp"

namespace coir::detail {

/// Gives a coroutine that has not started yet copies of the caller's inherited values. May throw.
void inherit_locals(coroutine& child);

/// Destroys the values of a coroutine, which runs or never will.
void drop_locals(coroutine& co) noexcept;

} // namespace coir::detail
