// SPDX-License-Identifier: MIT
#include "ring/uring_poller.hpp"

#include "base/check.hpp"
#include "base/held_signals.hpp"
#include "ring/readiness.hpp"
#include "ring/timeout.hpp"
#include "ring/uring_entry.hpp"
#include "ring/uring_setup.hpp"

#include <poll.h>

#include <bit>
#include <cerrno>

namespace coir::detail {

namespace {

// User data that is no address.
constexpr std::uint64_t ignored = 0;
constexpr std::uint64_t woken = 1;

constexpr unsigned generation_shift = 48;
constexpr std::uint64_t address_mask = (std::uint64_t{1} << generation_shift) - 1;

std::uint64_t user_data(const io_completion& completion, std::uint16_t generation) noexcept {
    return std::bit_cast<std::uintptr_t>(&completion) | std::uint64_t{generation}
                                                            << generation_shift;
}

} // namespace

uring_poller::uring_poller(ring_options options) {
    set_up_ring(ring_, options);
    submission_mask_ = *ring_.sq.kring_mask;
    completion_mask_ = *ring_.cq.kring_mask;
    can_skip_success_ = (ring_.features & IORING_FEAT_CQE_SKIP) != 0;
    if (ring_.enter_ring_fd != ring_.ring_fd) enter_flags_ = IORING_ENTER_REGISTERED_RING;
    // The indirection through the array is of no use to us: entry i is always entry i.
    for (unsigned i = 0; i <= submission_mask_; ++i) ring_.sq.array[i] = i;
}

uring_poller::~uring_poller() {
    if (in_flight() != 0) fatal("a poller is destroyed while operations are under way");
    io_uring_queue_exit(&ring_);
}

// --- submitting --------------------------------------------------------------------------------

void uring_poller::submit(io_completion& completion, const io_request& request) noexcept {
    count(+1);
    completion.request_ = request;
    completion.cancelled_ = false;
    completion.generation_ = ++generation_;
    if (backlog_.empty()) [[likely]] {
        start(completion);
    } else {
        completion.stage_ = stage::backlogged;
        backlog_.push_back(completion);
    }
}

io_uring_sqe* uring_poller::next_entry() noexcept {
    if (queued() > submission_mask_) [[unlikely]] {
        enter(0, nullptr);
        if (queued() > submission_mask_) return nullptr;
    }
    return &ring_.sq.sqes[tail_++ & submission_mask_];
}

void uring_poller::start(io_completion& completion) noexcept {
    io_uring_sqe* const entry = next_entry();
    if (entry == nullptr) [[unlikely]] {
        completion.stage_ = stage::backlogged;
        backlog_.push_back(completion);
        return;
    }
    fill_entry(*entry, completion.request_);
    entry->user_data = user_data(completion, completion.generation_);
    completion.stage_ = stage::in_kernel;
}

// A descriptor with O_NONBLOCK whose file the kernel cannot retry on, and every listener with it,
// answers -EAGAIN where we want to wait.
void uring_poller::await_readiness(io_completion& completion) noexcept {
    io_uring_sqe* const entry = next_entry();
    if (entry == nullptr) [[unlikely]] {
        completion.stage_ = stage::backlogged; // it will be tried again instead
        backlog_.push_back(completion);
        return;
    }
    const awaited_readiness readiness = awaited(completion.request_);
    fill_entry_with_poll(*entry, readiness.fd, readiness.events);
    entry->user_data = user_data(completion, completion.generation_);
    completion.stage_ = stage::waiting;
}

void uring_poller::cancel(io_completion& completion) noexcept {
    if (completion.cancelled_) return;
    completion.cancelled_ = true;
    if (completion.stage_ == stage::backlogged) {
        backlog_.remove(completion);
        completion.stage_ = stage::finished;
        finished_.push_back(completion);
    } else if (!start_cancellation(completion)) {
        cancellation_backlog_.push_back(completion);
    }
}

bool uring_poller::start_cancellation(const io_completion& completion) noexcept {
    io_uring_sqe* const entry = next_entry();
    if (entry == nullptr) [[unlikely]]
        return false;
    *entry = {};
    entry->opcode = IORING_OP_ASYNC_CANCEL;
    entry->fd = -1;
    entry->addr = user_data(completion, completion.generation_);
    entry->user_data = ignored;
    if (can_skip_success_) entry->flags = IOSQE_CQE_SKIP_SUCCESS; // 5.17
    return true;
}

void uring_poller::watch_wake_signal() noexcept {
    io_uring_sqe* const entry = next_entry();
    if (entry == nullptr) [[unlikely]]
        return; // the next wait() tries again
    fill_entry_with_poll(*entry, wake_.descriptor(), POLLIN);
    entry->len = IORING_POLL_ADD_MULTI;
    entry->user_data = woken;
    wake_signal_watched_ = true;
}

void uring_poller::refill_from_backlog() noexcept {
    while (io_completion* const completion = cancellation_backlog_.front()) {
        if (!start_cancellation(*completion)) return;
        cancellation_backlog_.remove(*completion);
    }
    while (!backlog_.empty() && queued() <= submission_mask_) start(*backlog_.pop_front());
}

// --- entering the kernel -----------------------------------------------------------------------

int uring_poller::enter(unsigned least_completions, const __kernel_timespec* timeout) noexcept {
    // release: publishes the entries to the kernel, which reads the tail with acquire.
    io_uring_smp_store_release(ring_.sq.ktail, tail_);
    unsigned flags = enter_flags_ | IORING_ENTER_GETEVENTS;
    io_uring_getevents_arg argument{};
    sigset_t* extra = nullptr;
    std::size_t extra_bytes = _NSIG / 8;
    if (timeout != nullptr) {
        flags |= IORING_ENTER_EXT_ARG;
        argument.sigmask_sz = _NSIG / 8;
        argument.ts = std::bit_cast<std::uintptr_t>(timeout);
        extra = reinterpret_cast<sigset_t*>(&argument);
        extra_bytes = sizeof argument;
    }
    const int result = io_uring_enter2(static_cast<unsigned>(ring_.enter_ring_fd), queued(),
                                       least_completions, flags, extra, extra_bytes);
    switch (-result) {
    case EINTR:  // a signal handler ran
    case ETIME:  // the deadline
    case EAGAIN: // no memory for requests just now
    case EBUSY:  // until 5.18 or so: completions overflowed and have to be reaped first
        return result;
    case EEXIST: fatal("a poller is used by a thread that did not make it");
    default:
        if (result < 0) fatal("io_uring_enter failed in a way that cannot be recovered from");
        return result;
    }
}

// Without SUBMIT_ALL the kernel stops at the first entry that fails at once.
void uring_poller::enter_until_empty() noexcept {
    do {
        refill_from_backlog();
        if (enter(0, nullptr) <= 0) return;
    } while (queued() != 0 || !backlog_.empty());
}

void uring_poller::flush() noexcept {
    if (queued() != 0 || !backlog_.empty()) enter_until_empty();
}

bool uring_poller::wants_entering() const noexcept {
    // relaxed: a hint that the kernel sets before it would notify us; the enter that follows is
    // what synchronises, and what is missed now is seen by the next poll() or by wait().
    const unsigned flags = IO_URING_READ_ONCE(*ring_.sq.kflags);
    return (flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0 || queued() != 0 ||
           !backlog_.empty() || !cancellation_backlog_.empty();
}

bool uring_poller::has_completions() const noexcept {
    // acquire: pairs with the kernel's release of the tail; the entries before it can be read.
    return *ring_.cq.khead != io_uring_smp_load_acquire(ring_.cq.ktail);
}

bool uring_poller::poll() noexcept {
    if (wants_entering()) enter_until_empty();
    return reap();
}

void uring_poller::wait(std::int64_t deadline_ns) noexcept {
    if (!wake_signal_watched_) [[unlikely]]
        watch_wake_signal();
    refill_from_backlog();
    if (!finished_.empty() || has_completions() || !wake_.begin_sleep()) {
        poll();
        return;
    }
    deadline_ns = end_of_sleep_ns(deadline_ns);
    int result = 0;
    if (deadline_ns == no_deadline) {
        result = enter(1, nullptr);
    } else {
        const std::int64_t rest_ns = nanoseconds_until(deadline_ns);
        const auto timeout = as_timespec<__kernel_timespec>(rest_ns);
        result = enter(rest_ns == 0 ? 0 : 1, &timeout);
    }
    if (result < 0) run_held_handlers(); // woken by a signal or by the end of a second
    wake_.end_sleep();
    reap();
}

// --- completing --------------------------------------------------------------------------------

// Takes what was there at the start; what `completed` adds is left to the next call, so that the
// scheduler has its turn.
bool uring_poller::reap() noexcept {
    bool delivered = deliver_finished();
    unsigned head = *ring_.cq.khead;
    const unsigned end = io_uring_smp_load_acquire(ring_.cq.ktail); // as in has_completions()
    while (head != end) {
        const io_uring_cqe& entry = ring_.cq.cqes[head & completion_mask_];
        const std::uint64_t data = entry.user_data;
        const int result = entry.res;
        const unsigned flags = entry.flags;
        // release: the entry has been read and may be written again. Before `completed` is called,
        // since that may flush a full submission queue, which may need the room.
        io_uring_smp_store_release(ring_.cq.khead, ++head);
        delivered = deliver(data, result, flags) || delivered;
    }
    return delivered;
}

bool uring_poller::deliver_finished() noexcept {
    if (finished_.empty()) [[likely]]
        return false;
    intrusive_list<io_completion> list = finished_;
    finished_ = {};
    while (io_completion* const completion = list.pop_front()) finish(*completion, -ECANCELED, 0);
    return true;
}

bool uring_poller::deliver(std::uint64_t data, int result, unsigned flags) noexcept {
    if (data == ignored) return false; // a cancellation that came too late
    if (data == woken) {
        if ((flags & IORING_CQE_F_MORE) == 0) wake_signal_watched_ = false;
        return false;
    }
    auto& completion = *std::bit_cast<io_completion*>(data & address_mask);
    const bool was_waiting = completion.stage_ == stage::waiting;
    if (was_waiting && result >= 0 && !completion.cancelled_) {
        start(completion); // ready now
        return false;
    }
    if (result == -EAGAIN && !was_waiting && waits_for_readiness(completion.request_)) {
        if (!completion.cancelled_) {
            await_readiness(completion);
            return false;
        }
        result = -ECANCELED;
    } else if (was_waiting && result >= 0) {
        result = -ECANCELED;
    }
    if (was_interrupted(result)) {
        if (!completion.cancelled_ && may_restart(completion.request_)) {
            start(completion);
            return false;
        }
        result = completion.cancelled_ ? -ECANCELED : -EINTR;
    }
    finish(completion, result, flags);
    return true;
}

void uring_poller::finish(io_completion& completion, int result, unsigned flags) noexcept {
    if (completion.linked) [[unlikely]]
        cancellation_backlog_.remove(completion);
    completion.stage_ = stage::idle;
    completion.completed(completion, result, flags);
    count(-1); // only now: whoever finds nothing in flight finds what the completion led to
}

} // namespace coir::detail
