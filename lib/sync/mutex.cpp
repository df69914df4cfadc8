// SPDX-License-Identifier: MIT
// Owns the slow paths of mutex.
//
// Invariants
//   While anybody waits, either somebody owns the mutex, or a woken waiter is on its way to it
//   (mutex_woken). So whoever unlocks wakes somebody, or need not.
// Protocol
//   unlock() releases the mutex and wakes the first waiter, which then competes with newcomers.
//   That keeps a mutex under contention busy: a running newcomer takes it at once, instead of
//   everybody waiting until the next in line has been switched to. A waiter that loses goes back to
//   the front of the queue. When it has lost `patience` times it asks for a hand-off: the next
//   unlock leaves the mutex locked and gives it over.
// Rejected
//   Hand-off always: with two workers each critical section then lasts as long as a wake-up.
//   Releasing without mutex_woken: each unlock of a busy mutex wakes one more waiter for nothing.
//   A spin lock beside the word: the unlocker would touch it after the release that lets the next
//   owner go, who may destroy the mutex.

#include "sched/worker.hpp"
#include "sync/waiters.hpp"

#include <coir/sync/mutex.hpp>

namespace coir::detail {
namespace {

// More makes each critical section that parks cost more turns in vain, none at all makes short ones
// wait for wake-ups (100 coroutines on two workers: measured).
constexpr unsigned patience = 1;
constexpr int thread_spins = 60;

[[nodiscard]] bool locked(std::uint64_t word) noexcept { return (word & mutex_locked) != 0; }

// A thread that sleeps costs microseconds, so it first hopes that the owner is about to be done. A
// coroutine parks for less than the spinning would cost when the owner is parked itself.
[[nodiscard]] bool may_spin() noexcept { return current_worker() == nullptr; }

class lock_attempt {
public:
    explicit lock_attempt(sync_state& state) noexcept : state_{state} {}

    bool run(std::int64_t deadline_ns) {
        if (may_spin() && spin()) return true;
        for (;;) {
            std::uint64_t word = 0;
            // Enqueueing starts only while it is locked: then its owner will see `waiting`.
            if (!hold_queue(state_, word, locked, [this](std::uint64_t seen) {
                    return (seen & ~mine_) | sync_state::waiting;
                })) {
                if (take(word)) return true;
                continue;
            }
            wait_node node;
            node.value = losses_ >= patience ? &node : nullptr; // asks for a hand-off
            const queue_end end = losses_ == 0 ? queue_end::back : queue_end::front;
            mine_ = 0;
            if (!wait_at(state_, node, {wait_kind::mutex, deadline_ns, end})) return false;
            if (node.succeeded) return true; // it was handed over
            mine_ = mutex_woken;
            ++losses_;
            if (try_take()) return true;
        }
    }

private:
    bool spin() noexcept {
        for (int i = 0; i < thread_spins; ++i) {
            if (try_take()) return true;
            cpu_relax();
        }
        return false;
    }

    bool try_take() noexcept {
        const std::uint64_t word = state_.word.load(std::memory_order_relaxed);
        return !locked(word) && take(word);
    }

    bool take(std::uint64_t word) noexcept {
        // acquire: pairs with the release of the last unlock.
        return state_.word.compare_exchange_strong(word, (word & ~mine_) | mutex_locked,
                                                   std::memory_order_acquire,
                                                   std::memory_order_relaxed);
    }

    sync_state& state_;
    /// mutex_woken if that bit stands for us: cleared by whatever we do next.
    std::uint64_t mine_ = 0;
    unsigned losses_ = 0;
};

} // namespace

void lock_mutex_slow(sync_state& state) { static_cast<void>(lock_attempt{state}.run(never_ns)); }

bool lock_mutex_until(sync_state& state, std::int64_t deadline_ns) {
    if (deadline_ns != never_ns && deadline_ns <= clock_ns()) return false;
    return lock_attempt{state}.run(deadline_ns);
}

void unlock_mutex_slow(sync_state& state) noexcept {
    const auto must_wake = [](std::uint64_t word) {
        return (word & sync_state::waiting) != 0 && (word & mutex_woken) == 0;
    };
    std::uint64_t word = 0;
    while (!hold_queue(state, word, must_wake, [](std::uint64_t seen) { return seen; })) {
        // release: publishes the critical section. Fails when somebody has enqueued.
        if (state.word.compare_exchange_strong(
                word, word & ~mutex_locked, std::memory_order_release, std::memory_order_relaxed)) {
            return;
        }
    }
    // We hold the mutex and the queue: nobody else changes the word.
    wait_node* const first = claim_first(state);
    std::uint64_t next = waiting_bit(state);
    if (first != nullptr) {
        first->succeeded = first->value != nullptr;
        next |= first->succeeded ? mutex_locked : mutex_woken;
    }
    state.word.store(next, std::memory_order_release);
    if (first != nullptr) wake(*first->party);
}

} // namespace coir::detail
