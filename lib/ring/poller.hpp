// SPDX-License-Identifier: MIT
#pragma once
// Owns the door to one worker's I/O mechanism, behind which stand io_uring and epoll.
//
// A poller belongs to the thread that made it. Only `wake` and `in_flight` may be called from
// others. Completions are delivered in `poll` and `wait` alone, never inside `submit` or `cancel`,
// so the caller of these need not expect to be called back while it is in the middle of something.

#include "base/intrusive_list.hpp"
#include "ring/io_request.hpp"

#include <coir/detail/config.hpp>
#include <coir/io/backend.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace coir::detail {

class poller;
class file_pool;

/// An operation under way; lives in the waiting frame until it completed, and is free again from
/// the moment `completed` is called. The backend's part is set by `submit`.
struct io_completion : list_links<io_completion> {
    /// The result is the kernel's: zero or more, or -errno. Called by the owner thread. It may
    /// submit and cancel; it may not call `poll` or `wait`.
    void (*completed)(io_completion&, int result, unsigned flags) noexcept = nullptr;

    [[nodiscard]] const io_request& request() const noexcept { return request_; }

private:
    friend class poller;
    friend class uring_poller;
    friend class epoll_poller;
    friend class file_pool;
    enum class stage : std::uint8_t { idle, backlogged, in_kernel, waiting, offloaded, finished };

    io_request request_;
    io_completion* next_finished_ = nullptr; // epoll: the stack that pool threads push to
    poller* owner_ = nullptr;                // epoll: to whom a pool thread returns it
    int result_ = 0;                         // epoll: what will be delivered
    int wait_fd_ = -1;                       // epoll: what it waits for
    unsigned wait_events_ = 0;
    std::uint16_t generation_ = 0; // io_uring: tells this use of the address from others
    stage stage_ = stage::idle;
    bool cancelled_ = false;
};

class poller {
public:
    poller(const poller&) = delete;
    poller& operator=(const poller&) = delete;
    /// Nothing may be in flight. Call it on the owner thread.
    virtual ~poller() = default;

    /// Starts the operation, at the latest in the next `flush`, `poll` or `wait`. Its completion
    /// arrives exactly once, whatever happens; a queue that is full is emptied first.
    virtual void submit(io_completion& completion, const io_request& request) noexcept = 0;

    /// Asks for an early end. The operation's own completion still arrives, with -ECANCELED or with
    /// the result that was faster. A completion that has been delivered must not be cancelled.
    virtual void cancel(io_completion& completion) noexcept = 0;

    /// Hands what is queued to the kernel without waiting.
    virtual void flush() noexcept = 0;

    /// Flushes and delivers what has completed; returns whether anything was. Makes no system call
    /// when nothing is queued or pending.
    virtual bool poll() noexcept = 0;

    /// Flushes, sleeps until a completion, a `wake` or the deadline (monotonic, INT64_MAX: none),
    /// and delivers. May return early, after a signal for instance. A deadline in the past makes it
    /// a `poll` that looks into the kernel whatever it has been told.
    virtual void wait(std::int64_t deadline_ns) noexcept = 0;

    /// Makes the current `wait`, or else the next one, return soon. From any thread, and from
    /// signal handlers; only the first of several costs a system call, and only if the owner
    /// sleeps. What the caller did before is visible to the owner after that `wait`. `poll` does
    /// not consume it.
    virtual void wake() noexcept = 0;

    [[nodiscard]] virtual const char* name() const noexcept = 0;

    /// Tells how descriptors should be made to suit this backend: with O_NONBLOCK (epoll), or
    /// without (io_uring, which takes O_NONBLOCK as "do not wait" and then needs a second trip).
    /// Both work on both.
    [[nodiscard]] virtual bool prefers_nonblocking() const noexcept = 0;

    /// Returns how many operations were submitted and have not completed; from any thread.
    [[nodiscard]] std::size_t in_flight() const noexcept {
        return in_flight_.load(std::memory_order_relaxed); // a figure, nothing is published by it
    }

    /// Returns how many operations were ever submitted; from any thread.
    [[nodiscard]] std::uint64_t submitted() const noexcept {
        return submitted_.load(std::memory_order_relaxed); // as above
    }

    /// Returns the errno for which `automatic` had to do without io_uring, or 0.
    [[nodiscard]] int refused_errno() const noexcept { return refused_errno_; }

protected:
    poller() = default;

    // Only the owner writes, so a load and a store do where others would need an atomic addition.
    void count(std::ptrdiff_t change) noexcept {
        // As few as that: completions are the submissions that are not in flight.
        if (change > 0) submitted_.store(submitted() + 1, std::memory_order_relaxed);
        const std::size_t before = in_flight_.load(std::memory_order_relaxed);
        in_flight_.store(before + static_cast<std::size_t>(change), std::memory_order_relaxed);
    }

private:
    friend struct poller_factory;
    std::atomic<std::size_t> in_flight_{0};
    std::atomic<std::uint64_t> submitted_{0};
    int refused_errno_ = 0;
};

/// How an io_uring is made. The lengths of its queues are powers of two and limit nothing, since
/// what does not fit is kept elsewhere.
struct ring_options {
    unsigned submissions = 256;
    unsigned completions = 4096;
    bool plain = false; // do without the optional flags, as on an old kernel
};

/// Makes the poller of the calling thread. `automatic` falls back to epoll on ENOSYS, EPERM and
/// EINVAL only. Throws std::system_error that names the call.
[[nodiscard]] std::unique_ptr<poller> make_poller(io_backend wanted, ring_options options = {});

} // namespace coir::detail
