// SPDX-License-Identifier: MIT
#include "base/futex.hpp"

#include "base/held_signals.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ctime>

namespace coir::detail {

void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected,
                std::int64_t deadline_ns) noexcept {
    constexpr std::int64_t second_ns = 1'000'000'000;
    deadline_ns = end_of_sleep_ns(deadline_ns);
    const timespec deadline{static_cast<time_t>(deadline_ns / second_ns),
                            static_cast<long>(deadline_ns % second_ns)};
    // FUTEX_WAIT_BITSET takes an absolute deadline, which survives early wake-ups unchanged.
    ::syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, expected,
              deadline_ns == INT64_MAX ? nullptr : &deadline, nullptr, FUTEX_BITSET_MATCH_ANY);
    run_held_handlers();
}

void futex_wake(std::atomic<std::uint32_t>& word, int count) noexcept {
    ::syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0);
}

} // namespace coir::detail
