// SPDX-License-Identifier: MIT
#pragma once
// Owns the signal mask of coir's threads: they leave signals to the program's own threads.

#include <atomic>
#include <csignal>
#include <cstdint>

namespace coir::detail {

/// Asks a thread of coir's for the stack it is on (debug/thread_stack.hpp). Ignored by default, so
/// one that comes astray does no harm.
inline constexpr int stack_request_signal = SIGURG;

/// What a handler of that signal asks first, once there is one: it answers what was asked of this
/// thread, and tells whether that is all the signal was for. A program may receive the same signal
/// by coir::signals, whose handler then stands in for the other.
using stack_request_filter = bool (*)(const siginfo_t& info, const void* machine_state) noexcept;
inline std::atomic<stack_request_filter> answer_stack_request{nullptr};

/// The mask of the calling thread.
[[nodiscard]] inline sigset_t current_signal_mask() noexcept {
    sigset_t mask;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    return mask;
}

/// What the program receives through coir::signals; bit n stands for signal n + 1.
inline std::atomic<std::uint64_t> signals_let_through{0};

/// All but the signals of faults, and those let through.
[[nodiscard]] inline sigset_t mask_of_workers() noexcept {
    sigset_t blocked;
    ::sigfillset(&blocked);
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS, SIGPROF,
                            stack_request_signal}) {
        ::sigdelset(&blocked, fault);
    }
    const std::uint64_t through = signals_let_through.load(std::memory_order_relaxed); // a hint
    for (int signal = 1; signal <= 64; ++signal) {
        if ((through >> (signal - 1) & 1) != 0) ::sigdelset(&blocked, signal);
    }
    return blocked;
}

/// While it lives, new threads inherit a mask that blocks all but the signals of faults, so that a
/// handler of the program runs on the program's threads and SIGPIPE never kills it.
class worker_signal_mask {
public:
    worker_signal_mask() noexcept {
        const sigset_t blocked = mask_of_workers();
        ::pthread_sigmask(SIG_SETMASK, &blocked, &before_);
    }
    worker_signal_mask(const worker_signal_mask&) = delete;
    worker_signal_mask& operator=(const worker_signal_mask&) = delete;
    ~worker_signal_mask() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

private:
    sigset_t before_{};
};

} // namespace coir::detail
