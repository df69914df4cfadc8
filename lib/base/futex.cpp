// SPDX-License-Identifier: MIT
#include "base/futex.hpp"

#include <coir/detail/config.hpp>

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ctime>

#if COIR_TSAN
#include <algorithm>
#endif

namespace coir::detail {
namespace {

#if COIR_TSAN
// TSan holds a signal's handler back until the thread calls a function that it intercepts, and
// syscall() is none: a thread that sleeps here would never run its handlers.
std::int64_t end_of_slice_ns(std::int64_t deadline_ns) noexcept {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return std::min(deadline_ns, now.tv_sec * 1'000'000'000 + now.tv_nsec + 10'000'000);
}
void run_pending_handlers() noexcept { ::usleep(0); }
#else
std::int64_t end_of_slice_ns(std::int64_t deadline_ns) noexcept { return deadline_ns; }
void run_pending_handlers() noexcept {}
#endif

} // namespace

void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected,
                std::int64_t deadline_ns) noexcept {
    constexpr std::int64_t second_ns = 1'000'000'000;
    deadline_ns = end_of_slice_ns(deadline_ns);
    const timespec deadline{static_cast<time_t>(deadline_ns / second_ns),
                            static_cast<long>(deadline_ns % second_ns)};
    // FUTEX_WAIT_BITSET takes an absolute deadline, which survives early wake-ups unchanged.
    ::syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, expected,
              deadline_ns == INT64_MAX ? nullptr : &deadline, nullptr, FUTEX_BITSET_MATCH_ANY);
    run_pending_handlers();
}

void futex_wake(std::atomic<std::uint32_t>& word, int count) noexcept {
    ::syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0);
}

} // namespace coir::detail
