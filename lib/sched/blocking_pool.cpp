// SPDX-License-Identifier: MIT
#include "sched/blocking_pool.hpp"

#include "base/own_thread.hpp"
#include "sched/signal_mask.hpp"

#include <chrono>
#include <system_error>
#include <thread>

namespace coir::detail {
namespace {

constexpr auto idle_time = std::chrono::seconds{5};

} // namespace

void blocking_pool::ensure_thread() {
    const std::lock_guard guard{lock_};
    if (queued_ + announced_ >= idle_ && threads_ < most_) {
        try {
            start_thread();
        } catch (const std::system_error&) {
            if (threads_ == 0) throw; // otherwise one of the others will come to it
        }
    }
    ++announced_;
}

void blocking_pool::submit(blocking_job& job) noexcept {
    const std::lock_guard guard{lock_};
    --announced_;
    job.next = nullptr;
    (last_ != nullptr ? last_->next : first_) = &job;
    last_ = &job;
    ++queued_;
    wanted_.notify_one();
}

void blocking_pool::start_thread() {
    const worker_signal_mask mask;
    std::thread{[this] {
        const own_thread registered{"coir-blocking"};
        serve();
    }}.detach();
    ++threads_;
}

void blocking_pool::serve() noexcept {
    std::unique_lock lock{lock_};
    while (blocking_job* const job = take(lock)) {
        lock.unlock();
        job->run(*job); // the job is gone afterwards
        lock.lock();
    }
    --threads_;
    ended_.notify_all(); // under the lock: stop() may free the pool as soon as it is released
}

// Waits for a job; null when the thread has been idle long enough, or when the pool stops.
blocking_job* blocking_pool::take(std::unique_lock<std::mutex>& lock) {
    ++idle_;
    do {
        wanted_.wait_for(lock, idle_time, [&] { return first_ != nullptr || stopping_; });
    } while (first_ == nullptr && announced_ != 0);
    --idle_;
    if (first_ == nullptr) return nullptr;
    blocking_job* const job = first_;
    first_ = job->next;
    if (first_ == nullptr) last_ = nullptr;
    --queued_;
    return job;
}

std::size_t blocking_pool::threads() noexcept {
    const std::lock_guard guard{lock_};
    return threads_;
}

bool blocking_pool::busy() noexcept {
    const std::lock_guard guard{lock_};
    return queued_ + announced_ != 0 || idle_ != threads_;
}

void blocking_pool::stop() noexcept {
    std::unique_lock lock{lock_};
    stopping_ = true;
    wanted_.notify_all();
    ended_.wait(lock, [&] { return threads_ == 0; });
}

} // namespace coir::detail
