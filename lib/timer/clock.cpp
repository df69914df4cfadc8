// SPDX-License-Identifier: MIT
#include "timer/clock.hpp"

namespace coir::detail {
namespace {

thread_local const std::int64_t* virtual_now_ns = nullptr;

} // namespace

void set_virtual_clock(const std::int64_t* now_ns) noexcept { virtual_now_ns = now_ns; }

std::int64_t virtual_or_monotonic_ns() noexcept {
    asm volatile("" ::: "memory"); // a coroutine of another runtime may have changed threads
    if (virtual_now_ns != nullptr) return *virtual_now_ns;
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

} // namespace coir::detail
