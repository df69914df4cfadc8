// SPDX-License-Identifier: MIT
// Owns condition_variable.
//
// The word's upper bits count the *stragglers*: waits whose node a notification took out of the
// queue, but which a timeout or a cancellation had claimed before. They still have to come by and
// learn that their node is out. The user may destroy the object once all waiters have been
// notified, so the destructor waits for them; nobody else needs the count. Protocol of a wait:
// enqueue under the queue; park; on the other side of the switch release first the queue, then the
// mutex. So nobody who gets the mutex after us can notify too early. Rejected: telling stragglers
// through their node alone. One that looks at its node and then goes for the queue may find the
// object gone.

#include "sync/waiters.hpp"

#include <coir/cancelled.hpp>
#include <coir/sync/condition_variable.hpp>

namespace coir::detail {
namespace {

constexpr std::uint64_t one_straggler = 1U << sync_state::owned_shift;

struct condition_wait {
    sync_state& condition;
    mutex& owned;
};

void release_both(void* argument) noexcept {
    auto& wait = *static_cast<condition_wait*>(argument);
    mutex& owned = wait.owned;
    wait.condition.word.fetch_and(~sync_state::queue_held, std::memory_order_release);
    owned.unlock();
}

// Returns whether it was in the queue no more, or still.
void leave_queue(sync_state& condition, wait_node& node) noexcept {
    const std::uint64_t word = hold_queue(condition);
    const bool straggled = !node.linked;
    if (!straggled) remove(condition, node);
    const std::uint64_t others = (word & ~queue_bits) - (straggled ? one_straggler : 0);
    // The last touch where the destructor waits for us.
    condition.word.store(others | waiting_bit(condition), std::memory_order_release);
}

void lock_again(waiter& self, mutex& owned) noexcept {
    const firm_section firm{self};
    owned.lock();
}

// Takes out the first node; null when it was a straggler.
wait_node* take_first(sync_state& condition, std::uint64_t& stragglers) noexcept {
    wait_node& node = *condition.first;
    if (take_out(condition, node)) return &node;
    stragglers += one_straggler;
    return nullptr;
}

void notify(sync_state& condition, bool all) noexcept {
    std::uint64_t word = 0;
    const auto somebody = [](std::uint64_t seen) { return (seen & sync_state::waiting) != 0; };
    if (!hold_queue(condition, word, somebody, [](std::uint64_t seen) { return seen; })) return;
    std::uint64_t stragglers = word & ~queue_bits;
    wake_list woken;
    while (condition.first != nullptr) {
        wait_node* const node = take_first(condition, stragglers);
        if (node == nullptr) continue;
        woken.add(*node);
        if (!all) break;
    }
    // The last touch: the notified may destroy the object.
    condition.word.store(stragglers | waiting_bit(condition), std::memory_order_release);
    woken.wake();
}

} // namespace

bool wait_at_condition(sync_state& condition, mutex& owned, std::int64_t deadline_ns) {
    scheduling_point(step::wait, &condition);
    waiter& self = current_waiter();
    std::uint64_t word = 0;
    static_cast<void>(hold_queue(
        condition, word, [](std::uint64_t) { return true; },
        [](std::uint64_t seen) { return seen | sync_state::waiting; }));
    wait_node node;
    node.party = &self;
    node.epoch = next_epoch(self);
    append(condition, node);
    condition_wait wait{condition, owned};
    const std::size_t result =
        park(self, {wait_kind::condition, &condition, release_both, &wait, deadline_ns});
    if (result != 0) leave_queue(condition, node);
    lock_again(self, owned);
    if (result == wait_cancelled) throw cancelled{};
    return result == 0;
}

void notify_one_slow(sync_state& condition) noexcept { notify(condition, false); }
void notify_all_slow(sync_state& condition) noexcept { notify(condition, true); }

void end_condition(sync_state& condition) noexcept {
    waiter& self = current_waiter();
    const firm_section firm{self};
    // Stragglers have been made runnable and take a few instructions each.
    while (condition.word.load(std::memory_order_acquire) != 0) {
        sync_state turn;
        hold_queue(turn);
        wait_node node;
        park_at(turn, node, {wait_kind::condition, clock_ns() + 100'000});
    }
}

} // namespace coir::detail
