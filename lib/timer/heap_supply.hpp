// SPDX-License-Identifier: MIT
#pragma once
// Owns the timer heaps of the process, which are lent to workers and never freed: a timer may be
// stopped, or dropped, long after the runtime on which it was armed has ended.

#include "timer/timer_heap.hpp"

namespace coir::detail {

/// Lends an empty heap. Throws std::bad_alloc.
[[nodiscard]] timer_heap& borrow_timer_heap();
/// Takes it back, empty.
void return_timer_heap(timer_heap& heap) noexcept;

} // namespace coir::detail
