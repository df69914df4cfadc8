// SPDX-License-Identifier: MIT
#include "sched/fork.hpp"

#include "sched/trace.hpp"
#include "sched/worker.hpp"

#include <pthread.h>

#include <atomic>

namespace coir::detail {

void forget_current_worker() noexcept; // worker.cpp

namespace {

// Plain relaxed atomics: the child has one thread when it writes them.
std::atomic<unsigned> generation{0};
std::atomic<bool> inside_coroutine{false};

void in_child() noexcept {
    generation.fetch_add(1, std::memory_order_relaxed);
    forget_trace();
    if (current_worker() != nullptr) {
        inside_coroutine.store(true, std::memory_order_relaxed);
        forget_current_worker();
    }
}

} // namespace

unsigned process_generation() noexcept { return generation.load(std::memory_order_relaxed); }

unsigned watch_for_fork() noexcept {
    [[maybe_unused]] static const int installed = ::pthread_atfork(nullptr, nullptr, in_child);
    return process_generation();
}

bool forked_inside_coroutine() noexcept { return inside_coroutine.load(std::memory_order_relaxed); }

} // namespace coir::detail
