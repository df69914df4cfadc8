// SPDX-License-Identifier: MIT
// Owns the phases of a barrier.
//
// The last arrival of a phase leaves the queue's bit alone while the completion function runs,
// since that is user code: waits may still enqueue. Nobody can arrive meanwhile, the phase lacks
// nobody.

#include "sync/waiters.hpp"

#include <coir/detail/countdown.hpp>
#include <coir/sync/barrier.hpp>

namespace coir::detail {
namespace {

constexpr unsigned phase_shift = sync_state::owned_shift;

} // namespace

barrier_core::barrier_core(std::ptrdiff_t expected) : expected_{expected}, missing_{expected} {
    if (expected < 0) throw_bad_count("coir: a barrier for fewer than 0 parties");
}

std::uint64_t barrier_core::arrive(std::ptrdiff_t count, std::ptrdiff_t dropped,
                                   completion complete, void* argument) {
    scheduling_point(step::arrive, &state_);
    const std::uint64_t phase = hold_queue(state_) >> phase_shift;
    if (count <= 0 || count > missing_) {
        release_queue(state_);
        throw_bad_count("coir: barrier: more arrivals than expected");
    }
    missing_ -= count;
    expected_ -= dropped;
    const bool last = missing_ == 0;
    release_queue(state_);
    if (last) {
        const firm_section firm{current_waiter()};
        complete(argument);
        begin_next_phase();
    }
    return phase;
}

void barrier_core::begin_next_phase() noexcept {
    const std::uint64_t phase = hold_queue(state_) >> phase_shift;
    missing_ = expected_;
    wake_list woken;
    claim_all(state_, woken);
    // release: what all did before arriving, and the completion. The last touch.
    state_.word.store((phase + 1) << phase_shift, std::memory_order_release);
    woken.wake();
}

void barrier_core::wait(std::uint64_t phase) {
    scheduling_point(step::wait, &state_);
    // acquire: pairs with begin_next_phase().
    if (state_.word.load(std::memory_order_acquire) >> phase_shift != phase) return;
    std::uint64_t word = 0;
    const auto still = [&](std::uint64_t seen) { return seen >> phase_shift == phase; };
    if (hold_queue(state_, word, still,
                   [](std::uint64_t seen) { return seen | sync_state::waiting; })) {
        wait_node node;
        wait_at(state_, node, {wait_kind::barrier, never_ns});
    } else {
        static_cast<void>(state_.word.load(std::memory_order_acquire)); // as above
    }
}

} // namespace coir::detail
