// SPDX-License-Identifier: MIT
#pragma once
// Owns a runtime's shared queue: what comes from outside its workers or overflows their rings.

#include "base/spin_lock.hpp"
#include "sched/coroutine.hpp"

#include <atomic>
#include <cstddef>
#include <mutex>

namespace coir::detail {

class injection_queue {
public:
    void push(coroutine& co) noexcept {
        co.next_queued = nullptr;
        push_chain(co, co, 1);
    }

    /// Adds `count` coroutines linked by next_queued from `first` to `last`.
    void push_chain(coroutine& first, coroutine& last, std::size_t count) noexcept {
        const std::lock_guard guard{lock_};
        (last_ != nullptr ? last_->next_queued : first_) = &first;
        last_ = &last;
        // relaxed: a hint; who must not miss a push fences on its own (see idle.hpp).
        size_.store(size_.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
    }

    /// Takes the oldest, or null.
    coroutine* pop() noexcept {
        if (empty()) return nullptr;
        const std::lock_guard guard{lock_};
        coroutine* const co = first_;
        if (co == nullptr) return nullptr;
        first_ = co->next_queued;
        if (first_ == nullptr) last_ = nullptr;
        size_.store(size_.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);
        return co;
    }

    [[nodiscard]] std::size_t size() const noexcept {
        return size_.load(std::memory_order_relaxed);
    }
    [[nodiscard]] bool empty() const noexcept { return size() == 0; }

private:
    spin_lock lock_;
    coroutine* first_ = nullptr;
    coroutine* last_ = nullptr;
    std::atomic<std::size_t> size_{0};
};

} // namespace coir::detail
