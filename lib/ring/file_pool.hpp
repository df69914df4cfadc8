// SPDX-License-Identifier: MIT
#pragma once
// Owns the threads that do what epoll cannot wait for: operations on files and paths.
//
// One pool serves the process. It grows while operations queue up, to eight threads, and a thread
// that found nothing to do for a while ends. It is never destroyed: its threads may be in the
// middle of an operation when the process exits.

#include "ring/poller.hpp"

#include <condition_variable>
#include <mutex>

namespace coir::detail {

class file_pool {
public:
    static file_pool& instance();

    /// Does the operation on a thread of the pool, then hands the completion to its owner.
    void offload(io_completion& completion) noexcept;

    /// Takes back an operation that no thread has begun; false when it is too late for that.
    bool withdraw(io_completion& completion) noexcept;

private:
    static constexpr unsigned most_threads = 8;

    file_pool() = default;
    static bool start_thread(file_pool& pool) noexcept;
    static void* thread_main(void* pool) noexcept;
    void serve() noexcept;

    std::mutex mutex_;
    std::condition_variable work_arrived_;
    intrusive_list<io_completion> queue_; // guarded by mutex_, as the rest
    unsigned queued_ = 0;
    unsigned threads_ = 0;
    unsigned idle_ = 0;
};

} // namespace coir::detail
