// SPDX-License-Identifier: MIT
#pragma once
// Owns the question which worker the calling thread is.
//
// A coroutine may leave a worker in the middle of any function that parks, and compilers keep the
// address of a thread-local for the whole function. So current_worker() is opaque to them, and
// nothing else of the scheduler is thread-local.

#include <coir/detail/config.hpp>

namespace coir::detail {

class worker;

/// The worker that the calling thread is, or null. Never cached across a park: see above.
#if defined(__x86_64__) && defined(__LP64__)
// By hand what the compiler would write for the initial-exec model, which holds in static and in
// shared libraries; volatile, so that it is read each time. A call would take 2 ns more.
inline worker* current_worker() noexcept {
    worker* found = nullptr;
    asm volatile("movq coir_this_thread_worker@gottpoff(%%rip), %0\n\t"
                 "movq %%fs:(%0), %0"
                 : "=r"(found)
                 :
                 : "memory");
    return found;
}
#else
COIR_NOINLINE worker* current_worker() noexcept;
#endif

} // namespace coir::detail
