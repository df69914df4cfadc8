// SPDX-License-Identifier: MIT
// Owns the slow paths of semaphores.
//
// Invariant: `waiting` implies that there is no permit. It is set only together with the sight of
// none, and while it is set permits go to waiters, the rest only once the queue is empty. So a word
// with a permit can be changed by one compare-exchange, and a word with `waiting` only by whoever
// holds the queue.

#include "sync/waiters.hpp"

#include <coir/sync/semaphore.hpp>

#include <stdexcept>

namespace coir::detail {
namespace {

constexpr unsigned permit_shift = sync_state::owned_shift;
constexpr std::uint64_t one_permit = 1U << permit_shift;

} // namespace

bool acquire_permit_slow(sync_state& state, std::int64_t deadline_ns) {
    if (deadline_ns != never_ns && deadline_ns <= clock_ns()) return false;
    const auto none = [](std::uint64_t word) { return word < one_permit; };
    std::uint64_t word = 0;
    while (!hold_queue(state, word, none,
                       [](std::uint64_t seen) { return seen | sync_state::waiting; })) {
        // acquire: pairs with release_permits.
        if (state.word.compare_exchange_strong(word, word - one_permit, std::memory_order_acquire,
                                               std::memory_order_relaxed)) {
            return true;
        }
    }
    wait_node node;
    return wait_at(state, node, {wait_kind::semaphore, deadline_ns});
}

void release_permits(sync_state& state, std::uint64_t count, std::uint64_t most) {
    const auto somebody_waits = [](std::uint64_t word) { return (word & queue_bits) != 0; };
    std::uint64_t word = 0;
    while (!hold_queue(state, word, somebody_waits, [](std::uint64_t seen) { return seen; })) {
        if (count > most - (word >> permit_shift)) throw_bad_permits();
        // release: pairs with the acquire of whoever takes one.
        if (state.word.compare_exchange_strong(word, word + (count << permit_shift),
                                               std::memory_order_release,
                                               std::memory_order_relaxed)) {
            return;
        }
    }
    wake_list woken;
    while (count > 0) {
        wait_node* const first = claim_first(state);
        if (first == nullptr) break;
        woken.add(*first);
        --count;
    }
    const bool too_many = count > most;
    // The last touch. Permits are left only when nobody waits any more.
    state.word.store((too_many ? 0 : count << permit_shift) | waiting_bit(state),
                     std::memory_order_release);
    woken.wake();
    if (too_many) throw_bad_permits();
}

void throw_bad_permits() {
    throw std::logic_error{"coir: a semaphore with fewer than 0 or more than max() permits"};
}

} // namespace coir::detail
