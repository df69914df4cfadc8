// SPDX-License-Identifier: MIT
#pragma once
// Owns the way to make a certain worker do something: its ring and its timers are its own.

#include <atomic>

namespace coir::detail {

class worker;

/// A request to a worker. Lives until it has run; its owner sees to that.
struct remote_call {
    void (*run)(remote_call&, worker&) noexcept = nullptr;
    remote_call* next = nullptr;
};

class mailbox {
public:
    /// Any thread.
    void post(remote_call& call) noexcept {
        remote_call* first = first_.load(std::memory_order_relaxed); // checked by the exchange
        do {
            call.next = first;
            // release: publishes the call to take_all's acquire; seq_cst orders it before the
            // poster's look at whether the worker sleeps (the poster always wakes: poller::wake).
        } while (!first_.compare_exchange_weak(first, &call, std::memory_order_seq_cst,
                                               std::memory_order_relaxed));
    }

    [[nodiscard]] bool empty() const noexcept {
        return first_.load(std::memory_order_seq_cst) == nullptr;
    }

    /// Runs all calls, oldest first; returns whether there were any. Owner only.
    bool run_all(worker& self) noexcept {
        if (first_.load(std::memory_order_relaxed) == nullptr) return false; // seen next turn
        remote_call* newest_first = first_.exchange(nullptr, std::memory_order_acquire);
        remote_call* oldest_first = nullptr;
        while (newest_first != nullptr) {
            remote_call* const next = newest_first->next;
            newest_first->next = oldest_first;
            oldest_first = newest_first;
            newest_first = next;
        }
        while (oldest_first != nullptr) {
            remote_call* const next = oldest_first->next; // run() may end the call's life
            oldest_first->run(*oldest_first, self);
            oldest_first = next;
        }
        return true;
    }

private:
    std::atomic<remote_call*> first_{nullptr};
};

} // namespace coir::detail
