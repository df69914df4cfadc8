// SPDX-License-Identifier: MIT
#pragma once
// Owns one I/O operation of a coroutine: submitted to the worker's ring, waited for, cancelled.
//
// Invariants
//   The coroutine leaves its frame, and with it the buffer, only after the operation's own
//   completion has arrived: the kernel never writes into memory that is somebody else's by then.
//   A ring belongs to its worker. So a cancellation, which may come from any thread, is posted to
//   that worker's mailbox and handed to the kernel there.
// Protocol
//   The wait is hooked (claim.hpp). A cancellation, or the close of the descriptor, takes it from
//   hooked to interrupted and posts `cancel_call`, once. On the home worker the completion claims
//   the wait; if it finds it interrupted, `cancel_call` is on its way and is the last to touch the
//   frame: then it wakes the coroutine, else the completion does.

#include "ring/poller.hpp"
#include "sched/mailbox.hpp"
#include "sched/waiter.hpp"

#include <cstdint>

namespace coir::detail {

class descriptor;

/// Performs `request` and returns its result, zero or more, or -errno. Throws `cancelled` when a
/// cancellation has cut it short, and std::logic_error outside of a coroutine. With `owner` the
/// operation can be ended by the descriptor's close: then the result is -ECANCELED.
int perform(const io_request& request, descriptor* owner = nullptr);

/// One operation under way; lives in the frame of perform().
struct io_operation : io_completion, list_links<io_operation> {
    waiter* party = nullptr;
    worker* home = nullptr;
    descriptor* owner = nullptr;
    std::uint64_t epoch = 0;
    int result = 0;
    // The home worker's own:
    bool completed_already = false;
    bool cancel_arrived = false;
    struct cancel_message : remote_call {
        io_operation* operation = nullptr;
    } cancel_call;
};

} // namespace coir::detail
