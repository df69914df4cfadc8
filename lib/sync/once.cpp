// SPDX-License-Identifier: MIT
// Owns who makes the call of call_once.
//
// Invariant: `waiting` implies `once_running`. A call that failed hands its part over to the first
// who waits, so that nobody waits while nobody is at it.

#include "sync/waiters.hpp"

#include <coir/sync/once.hpp>

namespace coir::detail {

bool begin_once(sync_state& state) {
    const auto running = [](std::uint64_t word) { return (word & once_running) != 0; };
    for (;;) {
        std::uint64_t word = 0;
        if (hold_queue(state, word, running,
                       [](std::uint64_t seen) { return seen | sync_state::waiting; })) {
            wait_node node;
            wait_at(state, node, {wait_kind::once, never_ns});
            return node.succeeded; // it is our turn
        }
        // acquire: pairs with end_once().
        if (state.word.load(std::memory_order_acquire) == once_done) return false;
        word &= sync_state::queue_held; // left by one who withdraws
        if (state.word.compare_exchange_strong(word, word | once_running, std::memory_order_acquire,
                                               std::memory_order_relaxed)) {
            return true;
        }
    }
}

void end_once(sync_state& state, bool succeeded) noexcept {
    hold_queue(state);
    wake_list woken;
    std::uint64_t next = once_done;
    if (succeeded) {
        claim_all(state, woken);
    } else {
        next = 0;
        if (wait_node* const heir = claim_first(state)) {
            heir->succeeded = true;
            woken.add(*heir);
            next = once_running | waiting_bit(state);
        }
    }
    state.word.store(next, std::memory_order_release); // the last touch
    woken.wake();
}

} // namespace coir::detail
