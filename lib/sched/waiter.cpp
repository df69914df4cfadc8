// SPDX-License-Identifier: MIT
#include "sched/waiter.hpp"

namespace coir::detail {

const char* to_text(wait_kind kind) noexcept {
    switch (kind) {
    case wait_kind::none: return "nothing";
    case wait_kind::receive: return "channel receive";
    case wait_kind::send: return "channel send";
    case wait_kind::select: return "select";
    case wait_kind::join: return "join";
    case wait_kind::sleep: return "sleep";
    case wait_kind::io: return "I/O";
    case wait_kind::close: return "the end of operations on a descriptor that is being closed";
    case wait_kind::blocking: return "blocking call";
    case wait_kind::group: return "task group";
    case wait_kind::wait_group: return "wait_group";
    case wait_kind::mutex: return "mutex";
    case wait_kind::shared_mutex: return "shared_mutex";
    case wait_kind::condition: return "condition variable";
    case wait_kind::semaphore: return "semaphore";
    case wait_kind::latch: return "latch";
    case wait_kind::barrier: return "barrier";
    case wait_kind::once: return "call_once";
    case wait_kind::for_ever: return "select without cases";
    }
    return "?";
}

bool is_ended_by_peers(wait_kind kind) noexcept {
    switch (kind) {
    case wait_kind::none:
    case wait_kind::sleep:
    case wait_kind::io:
    case wait_kind::close:
    case wait_kind::blocking:
    case wait_kind::for_ever: return false;
    default: return true;
    }
}

} // namespace coir::detail
