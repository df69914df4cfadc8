// SPDX-License-Identifier: MIT
#pragma once
// Owns doing something on a thread of its own while the caller waits: a coroutine's stack may be
// too small for what reads debug information.

#include "base/own_thread.hpp"
#include "sched/signal_mask.hpp"

#include <atomic>
#include <exception>
#include <thread>

namespace coir::detail {

/// How many coroutines stand still because of a report: they hold their workers for it, and are not
/// to blame. relaxed throughout: whether the busy watch complains is no matter of order.
inline std::atomic<int> reports_under_way{0};

/// Throws what `work` throws, and std::system_error when no thread can be had.
template <typename Work> void on_own_thread(const char* name, Work work) {
    struct counted {
        counted() noexcept { reports_under_way.fetch_add(1, std::memory_order_relaxed); }
        counted(const counted&) = delete;
        ~counted() { reports_under_way.fetch_sub(1, std::memory_order_relaxed); }
    };
    const counted under_way;
    std::exception_ptr failure;
    {
        const worker_signal_mask mask;
        std::thread helper{[&] {
            const own_thread registered{name};
            try {
                work();
            } catch (...) {
                failure = std::current_exception();
            }
        }};
        helper.join();
    }
    if (failure != nullptr) std::rethrow_exception(failure);
}

} // namespace coir::detail
