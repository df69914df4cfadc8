// SPDX-License-Identifier: MIT
#pragma once
// Owns waiting for another thread that is in its few instructions.

#include <sched.h>

namespace coir::detail {

inline void cpu_relax() noexcept {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

/// Spins; gives the time slice away now and then, as the other thread seems to have lost its own.
class short_wait {
public:
    void pause() noexcept {
        if (++count_ % 128 == 0) {
            ::sched_yield();
        } else {
            cpu_relax();
        }
    }

private:
    int count_ = 0;
};

} // namespace coir::detail
