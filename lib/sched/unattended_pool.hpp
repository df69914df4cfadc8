// SPDX-License-Identifier: MIT
#pragma once
// Owns the threads for blocking calls that may be left behind: those of which nobody may want the
// result any more when it comes.
//
// A runtime waits at its end for the threads of its own pool, since their callers do. Here nobody
// waits: the pool is the process's and never ends, and a call must own all that it uses. What it
// wakes, it wakes through a channel. A forked child has a pool of its own.

#include "sched/blocking_pool.hpp"

namespace coir::detail {

/// Throws std::bad_alloc.
[[nodiscard]] blocking_pool& unattended_pool();
/// Whether some of its calls have not returned yet.
[[nodiscard]] bool unattended_calls_pending() noexcept;
[[nodiscard]] std::size_t unattended_threads() noexcept;

} // namespace coir::detail
