// SPDX-License-Identifier: MIT
#pragma once
// Owns the one-shot claim: of all that could end a wait, exactly one does.
//
// A wait is known by its waiter and its epoch, the number of that waiter's waits. Peers in wait
// queues, timers and cancellations that want to end the wait compare-exchange the waiter's word
// from (epoch, open) to (epoch, claimed). Who succeeds writes `result`, transfers what there is to
// transfer and wakes the waiter; who fails leaves everything as it is. A word that has moved on to
// a later epoch makes every late claim fail.
//
// As long as only the one worker of a runtime has ended the waits of a coroutine, the coroutine's
// gate (sched/owner_gate.hpp) stands in for the compare-exchange: inside, a load and a store will
// do.
//
// Invariants
//   The word lives in the waiter, not in the waiting frame, so a late claimer that still has the
//   waiter pinned (by a queue's lock, a timer heap, a pin) reads valid memory.
//   A coroutine's word becomes open only after its registers are saved. So a claimer may always
//   resume it, and there is no "woken before it slept".
// Rejected
//   A claim word in the waiting frame: a cancellation, which comes by way of the scope and not of
//   a queue, could not tell whether the frame is still there.
//   Two phases (registered, then parked) as lists of several locks need when they are taken one
//   after the other: two more read-modify-writes for each wait. Here all locks of a wait are held
//   across the switch and released on the other side.

#include "sched/coroutine.hpp"

#include <cstdint>

namespace coir::detail {

[[nodiscard]] constexpr std::uint64_t wait_word(std::uint64_t epoch, wait_state state) noexcept {
    return epoch << wait_state_bits | static_cast<std::uint64_t>(state);
}
[[nodiscard]] constexpr std::uint64_t epoch_of(std::uint64_t word) noexcept {
    return word >> wait_state_bits;
}
[[nodiscard]] constexpr wait_state state_of(std::uint64_t word) noexcept {
    return static_cast<wait_state>(word & ((1U << wait_state_bits) - 1));
}

/// The epoch of the wait that the party, which is running, is about to begin.
[[nodiscard]] inline std::uint64_t next_epoch(const waiter& self) noexcept {
    return epoch_of(self.word.load(std::memory_order_relaxed)) + 1; // written by itself or claimed
}

enum class claim_outcome : std::uint8_t {
    lost,            ///< somebody else has ended, or is ending, that wait
    won,             ///< ours to end
    won_interrupted, ///< ours to end; its `interrupt` has been called or is about to be
};

/// Moves the word of the wait `epoch` of `party` on to the state `next` makes of the present one,
/// or leaves it, if that is `none` or the wait is over. Returns the state before, or `none`.
template <typename Next>
wait_state end_wait(waiter& party, std::uint64_t epoch, Next next) noexcept {
    // acquire: pairs with the release that opened the wait; the frame's contents are visible.
    std::uint64_t word = party.word.load(std::memory_order_acquire);
    const auto wanted = [&] {
        return epoch_of(word) == epoch ? next(state_of(word)) : wait_state::none;
    };
    if (!party.is_thread) {
        owner_gate& gate = static_cast<coroutine&>(party).join_lock.gate();
        if (gate.enter()) {
            // relaxed: all who write the word do so on this thread, until the gate has been opened;
            // who opened it sees this through leave().
            word = party.word.load(std::memory_order_relaxed);
            const wait_state after = wanted();
            if (after != wait_state::none) {
                party.word.store(wait_word(epoch, after), std::memory_order_relaxed);
            }
            gate.leave();
            return after == wait_state::none ? wait_state::none : state_of(word);
        }
    }
    for (;;) {
        const wait_state after = wanted();
        if (after == wait_state::none) return wait_state::none;
        if (party.word.compare_exchange_weak(word, wait_word(epoch, after),
                                             std::memory_order_acq_rel,
                                             std::memory_order_acquire)) {
            return state_of(word);
        }
    }
}

/// Claims the wait `epoch` of `party` for completion.
[[nodiscard]] inline claim_outcome claim(waiter& party, std::uint64_t epoch) noexcept {
    const wait_state before = end_wait(party, epoch, [](wait_state state) {
        return state == wait_state::claimed ? wait_state::none
               : state == wait_state::none  ? wait_state::none
                                            : wait_state::claimed;
    });
    if (before == wait_state::none) return claim_outcome::lost;
    return before == wait_state::interrupted ? claim_outcome::won_interrupted : claim_outcome::won;
}

/// claim() where that takes no loop and no call: of a coroutine's open wait. False says nothing.
[[nodiscard]] inline bool claim_at_once(waiter& party, std::uint64_t epoch) noexcept {
    if (party.is_thread) return false;
    const std::uint64_t opened = wait_word(epoch, wait_state::open);
    const std::uint64_t after = wait_word(epoch, wait_state::claimed);
    owner_gate& gate = static_cast<coroutine&>(party).join_lock.gate();
    if (gate.try_enter()) {
        // relaxed: as in end_wait.
        const bool is_open = party.word.load(std::memory_order_relaxed) == opened;
        if (is_open) party.word.store(after, std::memory_order_relaxed);
        gate.leave();
        return is_open;
    }
    std::uint64_t word = opened;
    // acquire: pairs with the release that opened the wait. release: as in end_wait.
    return gate.is_open() && party.word.compare_exchange_strong(
                                 word, after, std::memory_order_acq_rel, std::memory_order_relaxed);
}

/// Claims a wait that is sure to be open, and that nobody else may end: a firm one with a single
/// party at its other end. From any thread, and without a look at the gate.
inline void claim_own(waiter& party, std::uint64_t epoch) noexcept {
    // relaxed: the wake-up that follows publishes it.
    party.word.store(wait_word(epoch, wait_state::claimed), std::memory_order_relaxed);
}

[[nodiscard]] inline bool claimed(waiter& party, std::uint64_t epoch) noexcept {
    return claim(party, epoch) != claim_outcome::lost;
}

} // namespace coir::detail
