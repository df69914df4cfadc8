// SPDX-License-Identifier: MIT
#include "ring/file_pool.hpp"

#include "base/own_thread.hpp"
#include "ring/epoll_poller.hpp"
#include "ring/io_attempt.hpp"

#include <signal.h>

#include <atomic>
#include <chrono>

namespace coir::detail {

namespace {

std::atomic<file_pool*> current{nullptr};

// The threads do not exist in the child, and the mutex may be held by one of them for ever.
// relaxed: a forked child has one thread.
void forget_after_fork() noexcept { current.store(nullptr, std::memory_order_relaxed); }

} // namespace

file_pool& file_pool::instance() {
    // acquire: pairs with the release below; the pool's members are made.
    if (file_pool* const pool = current.load(std::memory_order_acquire)) return *pool;
    static const int registered = ::pthread_atfork(nullptr, nullptr, &forget_after_fork);
    static_cast<void>(registered); // without memory for it a forked child hangs, we do not
    auto* const made = new file_pool;
    file_pool* expected = nullptr;
    if (current.compare_exchange_strong(expected, made, std::memory_order_acq_rel,
                                        std::memory_order_acquire)) {
        return *made;
    }
    delete made; // another thread was faster
    return *expected;
}

void file_pool::offload(io_completion& completion) noexcept {
    bool none = false;
    {
        const std::lock_guard guard(mutex_);
        completion.stage_ = io_completion::stage::offloaded;
        queue_.push_back(completion);
        ++queued_;
        if (queued_ > idle_ && threads_ < most_threads && start_thread(*this)) ++threads_;
        none = threads_ == 0;
    }
    if (!none) {
        work_arrived_.notify_one();
    } else if (withdraw(completion)) { // no thread to be had: late is better than never
        completion.result_ = perform_blocking(completion.request_);
        static_cast<epoll_poller*>(completion.owner_)->take_back(completion);
    }
}

bool file_pool::withdraw(io_completion& completion) noexcept {
    const std::lock_guard guard(mutex_);
    if (!completion.linked) return false;
    queue_.remove(completion);
    --queued_;
    return true;
}

bool file_pool::start_thread(file_pool& pool) noexcept {
    // The program's signals are for its own threads, and a thread inherits its maker's mask.
    sigset_t all{};
    sigset_t previous{};
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &previous);
    pthread_attr_t attributes{};
    ::pthread_attr_init(&attributes);
    ::pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_t thread{};
    const bool started = ::pthread_create(&thread, &attributes, &thread_main, &pool) == 0;
    ::pthread_attr_destroy(&attributes);
    ::pthread_sigmask(SIG_SETMASK, &previous, nullptr);
    return started;
}

void* file_pool::thread_main(void* pool) noexcept {
    const own_thread registered{"coir-file"};
    static_cast<file_pool*>(pool)->serve();
    return nullptr;
}

void file_pool::serve() noexcept {
    constexpr auto patience = std::chrono::seconds(2);
    std::unique_lock guard(mutex_);
    for (;;) {
        ++idle_;
        const bool found = work_arrived_.wait_for(guard, patience, [&] { return queued_ != 0; });
        --idle_;
        if (!found) break;
        io_completion& completion = *queue_.pop_front();
        --queued_;
        guard.unlock();
        completion.result_ = perform_blocking(completion.request_);
        static_cast<epoll_poller*>(completion.owner_)->take_back(completion);
        guard.lock();
    }
    --threads_;
}

} // namespace coir::detail
