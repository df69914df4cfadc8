// SPDX-License-Identifier: MIT
#pragma once
// Owns access to the C++ runtime's per-thread exception bookkeeping, which belongs to a coroutine
// as soon as coroutines may park inside `catch` or while a stack unwinds.

#include <coir/detail/config.hpp>

namespace coir::detail {

/// The two words of the Itanium C++ ABI's __cxa_eh_globals: the stack of exceptions being handled,
/// and how many are on their way. A zeroed one is right for a coroutine that begins.
struct exception_state {
    void* caught = nullptr;
    unsigned int uncaught = 0;
};

/// Returns the calling thread's words. Fetch again after every switch: the flow may be on another
/// thread, so the call is opaque to the compiler and its result must not be kept.
COIR_NOINLINE exception_state& thread_exception_state() noexcept;

} // namespace coir::detail
