// SPDX-License-Identifier: MIT
#pragma once
// Owns what a sleep owes to signals under TSan, which holds a handler back until its thread calls a
// function that TSan intercepts, or an atomic operation. Neither syscall() nor io_uring_enter() is
// one: without this a thread that sleeps there might never run its handlers.
//
// A sleep that has a timeout ends at every signal; without one the kernel may restart it. What came
// just before the system call began does not end it, so that under TSan no sleep is longer than a
// second.

#include <coir/detail/config.hpp>

#include <cstdint>

#if COIR_TSAN
#include <unistd.h>

#include <algorithm>
#include <chrono>
#endif

namespace coir::detail {

/// The end of a sleep that begins now and is to end at `deadline_ns` of CLOCK_MONOTONIC.
inline std::int64_t end_of_sleep_ns(std::int64_t deadline_ns) noexcept {
#if COIR_TSAN
    const auto in_a_second = std::chrono::steady_clock::now() + std::chrono::seconds{1};
    const std::chrono::nanoseconds latest = in_a_second.time_since_epoch();
    return std::min<std::int64_t>(deadline_ns, latest.count());
#else
    return deadline_ns;
#endif
}

/// Runs the handlers that were held back meanwhile.
inline void run_held_handlers() noexcept {
#if COIR_TSAN
    ::usleep(0);
#endif
}

} // namespace coir::detail
