// SPDX-License-Identifier: MIT
#pragma once
// Owns the wait of selects for a descriptor to become readable or writable.
//
// Invariants
//   While a coroutine's node is in the queue a poll is under way, or is about to be submitted by
//   the coroutine that has just enqueued (armed_). It reports the level, so no readiness is lost.
//   A select that another case ended takes its node out and leaves the poll alone: the next select
//   on the descriptor finds it armed. So a loop of selects pays for what happens, not for waiting.
//   An armed watch uses the descriptor (descriptor::use), so a close waits for its end.
// Protocol
//   The poll is on the ring of the worker that armed it (home_). It ends there: by readiness, by
//   the close of the descriptor, or because the worker itself ends, and then it wakes all nodes.
//   close() may come from any thread: it posts `end_call_` to the home worker. The later of the
//   completion and of that message disarms; so neither finds the watch gone.
// Rejected
//   A poll in the frame of each select, cancelled when another case wins: the select must then wait
//   for the cancellation, one more trip through the ring for every value from a busy channel.

#include "chan/select_source.hpp"
#include "ring/poller.hpp"
#include "sched/worker.hpp"

namespace coir::detail {

class descriptor;

class watch final : public select_source, io_completion, worker_resident {
public:
    watch(descriptor& of, short events) noexcept;

    [[nodiscard]] bool enter() noexcept override;
    void leave() noexcept override;
    [[nodiscard]] bool look() noexcept override;
    [[nodiscard]] bool closing() const noexcept override;
    void enqueue(wait_node& node) noexcept override;
    void withdraw(wait_node& node) noexcept override;
    void arm() noexcept override;
    [[nodiscard]] pollfd polled() const noexcept override;

    /// The descriptor is closing: wakes those that wait, ends the poll.
    void close() noexcept;

private:
    struct end_message : remote_call {
        watch* of = nullptr;
    };
    static void poll_completed(io_completion& completion, int result, unsigned flags) noexcept;
    static void end_arrives(remote_call& call, worker& home) noexcept;
    static void worker_ends(worker_resident& resident, worker& home) noexcept;
    void disarm() noexcept;
    void claim_all(wake_list& woken, bool by_readiness) noexcept;
    void count_idle(bool was_idle) noexcept;
    [[nodiscard]] bool idle() const noexcept { return armed_ && !ending_ && waiting_.empty(); }

    descriptor& of_;
    const short events_;
    // Guarded by the lock:
    wait_queue waiting_;
    bool armed_ = false;
    bool ending_ = false; // end_call_ has been posted
    bool completed_ = false;
    bool end_arrived_ = false;
    worker* home_ = nullptr;
    int result_ = 0; // of the poll
    end_message end_call_;
};

} // namespace coir::detail
