// SPDX-License-Identifier: MIT
#include "os/signal_relay.hpp"

#include "base/own_thread.hpp"
#include "chan/channel_core.hpp"
#include "os/worker_signals.hpp"
#include "sched/deadlock.hpp"
#include "sched/signal_mask.hpp"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <new>
#include <system_error>

namespace coir::detail {
namespace {

std::atomic<signal_relay*> current_relay{nullptr};

sigset_t as_sigset(signal_set set) noexcept {
    sigset_t made;
    ::sigemptyset(&made);
    for (int signal = 1; signal < signal_count; ++signal) {
        if (contains(set, signal)) ::sigaddset(&made, signal);
    }
    return made;
}

} // namespace

// --- The process's relay ----------------------------------------------------------------------

signal_relay& signal_relay::instance() {
    static const int registered = ::pthread_atfork(nullptr, nullptr, leave_child);
    static_cast<void>(registered);
    // acquire, and release below: pairs; publishes the members.
    signal_relay* known = current_relay.load(std::memory_order_acquire);
    if (known != nullptr) return *known;
    auto* const made = new signal_relay; // never freed: receivers may be dropped at exit
    if (current_relay.compare_exchange_strong(known, made, std::memory_order_acq_rel,
                                              std::memory_order_acquire)) {
        return *made;
    }
    delete made;
    return *known;
}

// In a forked child: neither the thread nor the receivers' coroutines are there, and the pipe is
// the parent's. The parent's relay stays as it is, in memory that nobody looks at.
void signal_relay::leave_child() noexcept {
    signal_relay* const parents = current_relay.exchange(nullptr, std::memory_order_relaxed);
    if (parents == nullptr) return;
    for (int signal = 1; signal < signal_count; ++signal) {
        if (!contains(parents->installed_, signal)) continue;
        ::sigaction(signal, &parents->old_[static_cast<std::size_t>(signal)], nullptr);
    }
    if (parents->pipe_.has_value()) parents->pipe_->abandon();
    outside_wakers.store(0, std::memory_order_relaxed);
}

// --- Receivers come and go ----------------------------------------------------------------------

receiver_reference signal_relay::subscribe(signal_set wanted) {
    channel_core* const channel = make_channel(element_type_of<int>, unbounded_capacity);
    receiver_reference end{channel};
    sender_reference ours{channel};
    const std::lock_guard living{lifecycle_};
    if (subscriptions_.empty()) start(); // lifecycle_: nobody else changes them
    try {
        const std::lock_guard guard{table_};
        subscriptions_.push_back({std::move(ours), wanted});
    } catch (const std::bad_alloc&) {
        if (subscriptions_.empty()) stop();
        throw;
    }
    outside_wakers.fetch_add(1,
                             std::memory_order_seq_cst); // partner: report_deadlock's second look
    try {
        install(wanted);
    } catch (...) {
        {
            const std::lock_guard guard{table_};
            subscriptions_.pop_back();
        }
        outside_wakers.fetch_sub(1, std::memory_order_seq_cst);
        follow_table();
        throw;
    }
    follow_table();
    channel->on_end = channel_ended; // before anybody else sees the channel
    return end;
}

void signal_relay::channel_ended(channel_core& channel) noexcept {
    signal_relay::instance().unsubscribe(channel);
}

void signal_relay::unsubscribe(channel_core& channel) noexcept {
    sender_reference dropped; // last, without a lock: that closes, and comes back here
    {
        const std::lock_guard living{lifecycle_};
        const auto found = std::ranges::find_if(
            subscriptions_, [&](const subscription& one) { return one.channel.get() == &channel; });
        if (found == subscriptions_.end()) return; // closed before, or of the parent process
        {
            const std::lock_guard guard{table_};
            dropped = std::move(found->channel);
            subscriptions_.erase(found);
        }
        outside_wakers.fetch_sub(1, std::memory_order_seq_cst);
        follow_table();
    }
}

// Makes handlers, masks and thread what the table asks for; never more than there was.
void signal_relay::follow_table() noexcept {
    const signal_set wanted = wanted_by_any();
    for (int signal = 1; signal < signal_count; ++signal) {
        if (!contains(installed_ & ~wanted, signal)) continue;
        ::sigaction(signal, &old_[static_cast<std::size_t>(signal)], nullptr);
    }
    installed_ &= wanted;
    tell_threads(wanted);
    if (subscriptions_.empty()) stop();
}

void signal_relay::install(signal_set wanted) {
    for (int signal = 1; signal < signal_count; ++signal) {
        if (!contains(wanted & ~installed_, signal)) continue;
        const int error = install_signal_handler(signal, old_[static_cast<std::size_t>(signal)]);
        if (error != 0) {
            throw std::system_error{error, std::system_category(),
                                    "signals: " + std::to_string(signal)};
        }
        installed_ |= signal_set{1} << (signal - 1);
    }
}

signal_set signal_relay::wanted_by_any() noexcept {
    signal_set all = 0;
    for (const subscription& one : subscriptions_) all |= one.wanted;
    return all;
}

void signal_relay::tell_threads(signal_set wanted) noexcept {
    constexpr signal_set pipe_signal = signal_set{1} << (SIGPIPE - 1);
    let_workers_take(as_sigset(wanted & ~pipe_signal));
    pipe_->nudge(); // the thread looks at the table
}

void signal_relay::start() {
    pipe_.emplace();
    stopping_ = false;
    try {
        const worker_signal_mask mask;
        thread_ = std::thread{[this] {
            const own_thread registered{"coir-signals"};
            serve();
        }};
    } catch (...) {
        pipe_.reset();
        throw;
    }
}

void signal_relay::stop() noexcept {
    {
        const std::lock_guard guard{table_};
        stopping_ = true;
    }
    pipe_->nudge();
    thread_.join();
    pipe_.reset();
}

// --- The thread -----------------------------------------------------------------------------

void signal_relay::serve() noexcept {
    const sigset_t blocked = current_signal_mask();
    for (;;) {
        {
            const std::lock_guard guard{table_};
            if (stopping_) return;
            const sigset_t wanted = as_sigset(wanted_by_any());
            ::pthread_sigmask(SIG_SETMASK, &blocked, nullptr);
            ::pthread_sigmask(SIG_UNBLOCK, &wanted, nullptr);
        }
        std::array<std::uint8_t, 256> arrived;
        const std::size_t count = pipe_->read(arrived);
        for (std::size_t i = 0; i < count; ++i) {
            if (arrived[i] != 0) relay(arrived[i]);
        }
        while (pipe_->has_missed()) relay_missed();
    }
}

void signal_relay::relay_missed() noexcept {
    for (int signal = 1; signal < signal_count; ++signal) {
        for (std::uint32_t left = pipe_->take_missed(signal); left != 0; --left) relay(signal);
    }
}

void signal_relay::relay(int signal) noexcept {
    const std::lock_guard guard{table_};
    for (const subscription& one : subscriptions_) {
        if (!contains(one.wanted, signal)) continue;
        for (;;) {
            try {
                static_cast<void>(channel_send(*one.channel.get(), &signal, never_wait_ns));
                break;
            } catch (const std::bad_alloc&) {
                std::this_thread::yield();
            } // it must not be lost
        }
    }
}

} // namespace coir::detail
