// SPDX-License-Identifier: MIT
// Owns the waiting of latch and wait_group.
//
// Invariant: `waiting` implies that the count is not zero. Who takes it to zero while `waiting` is
// set holds the queue, claims all, and stores zero last: so nobody sees zero, and destroys the
// object, while it is still in use.

#include "sync/waiters.hpp"

#include <coir/detail/countdown.hpp>

#include <limits>
#include <stdexcept>

namespace coir::detail {
namespace {

constexpr unsigned count_shift = sync_state::owned_shift;

} // namespace

bool countdown::add(std::uint64_t count) noexcept {
    scheduling_point(step::arrive, &state_);
    constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max() >> (count_shift + 1);
    std::uint64_t word = state_.word.load(std::memory_order_relaxed);
    do {
        // While somebody holds the queue to end a round, its zero is not there yet: the store would
        // overwrite ours.
        while ((word & sync_state::queue_held) != 0) {
            cpu_relax();
            word = state_.word.load(std::memory_order_relaxed);
        }
        if (count > most - (word >> count_shift)) return false;
    } while (!state_.word.compare_exchange_weak(word, word + (count << count_shift),
                                                std::memory_order_relaxed));
    return true;
}

bool countdown::subtract(std::uint64_t count) noexcept {
    scheduling_point(step::arrive, &state_);
    const auto ends_waits = [&](std::uint64_t word) {
        return (word & queue_bits) != 0 && word >> count_shift == count;
    };
    std::uint64_t word = 0;
    while (!hold_queue(state_, word, ends_waits, [](std::uint64_t seen) { return seen; })) {
        if (count > word >> count_shift) return false;
        // acquire-release: the waiters see what all have done, not only the last.
        if (state_.word.compare_exchange_strong(word, word - (count << count_shift),
                                                std::memory_order_acq_rel,
                                                std::memory_order_relaxed)) {
            return true;
        }
    }
    wake_list woken;
    claim_all(state_, woken);
    state_.word.store(0, std::memory_order_release);
    woken.wake();
    return true;
}

void countdown::wait(bool is_latch) {
    scheduling_point(step::wait, &state_);
    const auto not_zero = [](std::uint64_t seen) { return seen >> count_shift != 0; };
    while (!is_zero()) {
        std::uint64_t word = 0;
        if (!hold_queue(state_, word, not_zero,
                        [](std::uint64_t seen) { return seen | sync_state::waiting; })) {
            continue;
        }
        wait_node node;
        wait_at(state_, node, {is_latch ? wait_kind::latch : wait_kind::wait_group, never_ns});
        return;
    }
}

void throw_bad_count(const char* what) { throw std::logic_error{what}; }

} // namespace coir::detail
