// SPDX-License-Identifier: MIT
#pragma once
// Owns how an OS thread sleeps on a 32-bit word.

#include <atomic>
#include <cstdint>

namespace coir::detail {

/// Sleeps while `word` is `expected`, until woken or until the absolute CLOCK_MONOTONIC deadline
/// (INT64_MAX: none). May return early for no reason: the caller looks again.
void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected,
                std::int64_t deadline_ns) noexcept;

/// Wakes up to `count` sleepers. The word may be gone already: the kernel only uses its address.
void futex_wake(std::atomic<std::uint32_t>& word, int count) noexcept;

} // namespace coir::detail
