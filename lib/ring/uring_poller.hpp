// SPDX-License-Identifier: MIT
#pragma once
// Owns one io_uring: its submission queue, its completion queue and the sleep on it.
//
// Invariants: every submitted operation is in exactly one place: an entry of the submission queue,
// the kernel, `backlog_` (no room) or `finished_` (cancelled while in the backlog). Entries reach
// the kernel in the order of their submission, so a cancellation always finds its target there.
//
// Protocol: `submit` only writes an entry. `enter` hands all of them over in one call, and `wait`
// does so in the same call that sleeps. With DEFER_TASKRUN the kernel finishes operations only
// inside an `enter` that asks for events; IORING_SQ_TASKRUN in the ring's flags says when one is
// due, so that `poll` is a few loads otherwise.
//
// user_data is the completion's address and, in the upper 16 bits that no user address of x86-64 or
// aarch64 uses, a generation. Without it a cancellation that is still queued when its target
// completes would strike the next operation, which the frame starts at the same address.
//
// Rejected: reading the eventfd with an operation of its own. It has to be submitted again after
// every wake-up; a multishot poll stays armed, and nobody needs the count: a round trip between two
// sleeping threads took 4.4 us that way, 6.0 us with reads. IORING_OP_MSG_RING instead of an
// eventfd: 6.3 us (6.13 and later, without a ring of the waker's own) and 6.8 us (from one), on
// Linux 6.18.

#include "ring/poller.hpp"
#include "ring/wake_signal.hpp"

#include <liburing.h>

namespace coir::detail {

class uring_poller final : public poller {
public:
    explicit uring_poller(ring_options options);
    ~uring_poller() override;

    void submit(io_completion& completion, const io_request& request) noexcept override;
    void cancel(io_completion& completion) noexcept override;
    void flush() noexcept override;
    bool poll() noexcept override;
    void wait(std::int64_t deadline_ns) noexcept override;
    void wake() noexcept override { wake_.signal(); }
    [[nodiscard]] const char* name() const noexcept override { return "io_uring"; }
    [[nodiscard]] bool prefers_nonblocking() const noexcept override { return false; }

private:
    using stage = io_completion::stage;

    [[nodiscard]] unsigned queued() const noexcept { return tail_ - *ring_.sq.khead; }
    [[nodiscard]] bool wants_entering() const noexcept;
    [[nodiscard]] bool has_completions() const noexcept;
    io_uring_sqe* next_entry() noexcept;
    void start(io_completion& completion) noexcept;
    bool start_cancellation(const io_completion& completion) noexcept;
    void await_readiness(io_completion& completion) noexcept;
    void watch_wake_signal() noexcept;
    void refill_from_backlog() noexcept;
    int enter(unsigned least_completions, const __kernel_timespec* timeout) noexcept;
    void enter_until_empty() noexcept;
    bool reap() noexcept;
    bool deliver_finished() noexcept;
    bool deliver(std::uint64_t user_data, int result, unsigned flags) noexcept;
    void finish(io_completion& completion, int result, unsigned flags) noexcept;

    io_uring ring_{};
    unsigned tail_ = 0; // of the submission queue; published to the kernel by enter()
    unsigned submission_mask_ = 0;
    unsigned completion_mask_ = 0;
    unsigned enter_flags_ = 0;
    std::uint16_t generation_ = 0;
    bool wake_signal_watched_ = false;
    bool can_skip_success_ = false;
    intrusive_list<io_completion> backlog_;              // operations that found no entry
    intrusive_list<io_completion> cancellation_backlog_; // in the kernel, to be cancelled
    intrusive_list<io_completion> finished_;             // to be delivered without the kernel
    wake_signal wake_;
};

} // namespace coir::detail
