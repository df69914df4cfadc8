// SPDX-License-Identifier: MIT
#pragma once
// Owns the thread that fires timers armed outside of any runtime; it starts with the first of them.

#include "timer/timer_heap.hpp"

#include <atomic>
#include <cstdint>

namespace coir::detail {

class timer_thread {
public:
    /// The process's; never destroyed, since timers may be dropped by static destructors.
    static timer_thread& instance();

    /// Throws std::bad_alloc, and std::system_error if the thread cannot be had.
    void insert(timer_entry& entry);

    [[nodiscard]] bool has_pending() const noexcept { return heap_.busy(); }

private:
    timer_thread() = default;
    void start();
    [[noreturn]] void serve() noexcept;

    timer_heap heap_;
    std::atomic<std::uint32_t> changes_{0}; ///< a futex; moves when the earliest deadline does
    std::atomic<unsigned> started_in_{0};   ///< process generation + 1
};

} // namespace coir::detail
