// SPDX-License-Identifier: MIT
#pragma once
// Owns the threads that run blocking calls; their number follows the demand.

#include <condition_variable>
#include <cstddef>
#include <mutex>

namespace coir::detail {

/// A call to be made; lives until `run` returns.
struct blocking_job {
    void (*run)(blocking_job&) noexcept = nullptr;
    blocking_job* next = nullptr;
};

class blocking_pool {
public:
    explicit blocking_pool(std::size_t most_threads) noexcept : most_{most_threads} {}
    blocking_pool(const blocking_pool&) = delete;
    blocking_pool& operator=(const blocking_pool&) = delete;

    /// Sees to it that there is a thread at all, so that submit cannot fail: to be called before.
    /// Throws std::system_error when there is none and none can be had.
    void ensure_thread();
    /// Has `job` run on a thread of the pool, after those submitted before when all are busy.
    void submit(blocking_job& job) noexcept;

    /// Whether a call waits or is under way.
    [[nodiscard]] bool busy() noexcept;

    [[nodiscard]] std::size_t threads() noexcept;

    /// Waits for the calls under way and ends the threads.
    void stop() noexcept;
    void abandon() noexcept {} ///< in a forked child: the threads are not there

private:
    void start_thread();
    void serve() noexcept;
    blocking_job* take(std::unique_lock<std::mutex>& lock);

    std::mutex lock_;
    std::condition_variable wanted_;
    std::condition_variable ended_;
    blocking_job* first_ = nullptr;
    blocking_job* last_ = nullptr;
    std::size_t queued_ = 0;
    std::size_t announced_ = 0; ///< ensure_thread() was called, submit() not yet: no thread ends
    std::size_t threads_ = 0;
    std::size_t idle_ = 0;
    bool stopping_ = false;
    const std::size_t most_;
};

} // namespace coir::detail
