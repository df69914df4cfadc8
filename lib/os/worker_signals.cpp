// SPDX-License-Identifier: MIT
#include "os/worker_signals.hpp"

#include "sched/deadlock.hpp"
#include "sched/runtime_core.hpp"
#include "sched/signal_mask.hpp"

#include <new>
#include <span>

namespace coir::detail {
namespace {

struct change_mask : remote_call {};

void apply_to_this_thread() noexcept {
    const sigset_t mask = mask_of_workers();
    ::pthread_sigmask(SIG_SETMASK, &mask, nullptr);
}

void apply(remote_call& call, worker&) noexcept {
    apply_to_this_thread();
    delete static_cast<change_mask*>(&call);
}

void post_to_workers(std::span<runtime_core* const> runtimes, void*) {
    for (runtime_core* const runtime : runtimes) {
        for (std::size_t i = 0; i < runtime->worker_count(); ++i) {
            worker& one = runtime->worker_at(i);
            if (&one == current_worker()) continue;
            auto* const call = new (std::nothrow) change_mask;
            if (call == nullptr) continue; // then `raise` there is not received
            call->run = apply;
            one.post(*call);
        }
    }
}

} // namespace

void let_workers_take(const sigset_t& signals) noexcept {
    std::uint64_t bits = 0;
    for (int signal = 1; signal <= 64; ++signal) {
        if (::sigismember(&signals, signal) == 1) bits |= std::uint64_t{1} << (signal - 1);
    }
    // relaxed: each thread reads it when it is told to, by way of its mailbox, or when it starts.
    signals_let_through.store(bits, std::memory_order_relaxed);
    if (current_worker() != nullptr) apply_to_this_thread();
    with_runtimes(post_to_workers, nullptr);
}

} // namespace coir::detail
