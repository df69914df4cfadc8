// SPDX-License-Identifier: MIT
#pragma once
// Owns the way to the stack of a coroutine that is running: its thread is interrupted by a signal
// and copies its own stack, wherever it is, also in a loop without end.

#include "debug/stack_copy.hpp"

#include <sys/types.h>

#include <cstddef>

namespace coir::detail {

struct stack_bounds {
    const std::byte* bottom = nullptr;
    const std::byte* top = nullptr;
};

/// Copies the part of the stack that `thread`, one of ours, is on, if it is within `bounds`. False
/// if it is elsewhere, or does not answer within a fifth of a second (stopped, or in a system call
/// that cannot be interrupted).
[[nodiscard]] bool copy_running_stack(pid_t thread, stack_bounds bounds, stack_copy& into);

/// For the signal handler: does what was asked of the calling thread, if anything was.
void answer_copy(const void* machine_state) noexcept;

} // namespace coir::detail
