// SPDX-License-Identifier: MIT
#pragma once
// Owns one timer or ticker: an entry in some heap of deadlines, and the channel that gets the
// ticks.
//
// Protocol
//   `armed` says whether it is going to fire; it, `ticked` and the heap change under `lock`. fire()
//   runs on the thread that expires the heap, without the heap's lock; stop() first takes `armed`
//   away, so that a fire() under way does not arm it again, and then removes the entry, which waits
//   for that fire() to return. Then the channel holds no tick that comes later than stop(). The
//   heap is that of the worker on which the timer was armed, else that of the timer thread. A
//   runtime that ends expires its heaps early: fire() sees that it is not time yet and moves the
//   entry to the timer thread.

#include "sched/biased_lock.hpp"
#include "timer/timer_heap.hpp"

#include <coir/detail/channel_core.hpp>

#include <atomic>
#include <cstdint>

namespace coir::detail {

struct timer_core : timer_entry {
    biased_lock lock;
    bool armed = false;
    bool ticked = false;       ///< since the last stop(): somebody may not have received it
    bool once_for_all = false; ///< `after`: nobody else holds it, it ends with its tick
    std::int64_t period_ns = 0;
    channel_core* ticks = nullptr; ///< it holds the sending side
};

} // namespace coir::detail
