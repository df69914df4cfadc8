// SPDX-License-Identifier: MIT
#pragma once
// Owns how parties wait at a sync_state and are woken: the part that all of lib/sync shares.
//
// Protocol
//   Waiting: hold_queue() with `waiting` set, if one still has to wait; then wait_at(), which parks
//   and releases the queue on the other side of the switch.
//   Waking: hold_queue(), claim_first() as often as needed, release the queue and whatever else is
//   to be released by one store, then wake the claimed. Nothing of the object is touched after that
//   store, because who is let go by it may destroy the object.
//   A wait that ends by timeout or cancellation has left no trace when wait_at() returns.

#include "base/short_wait.hpp"
#include "wait/park.hpp"
#include "wait/wait_queue.hpp"

#include <coir/detail/deadline.hpp>
#include <coir/detail/scheduling_point.hpp>
#include <coir/detail/sync_state.hpp>

namespace coir::detail {

/// The part of the word that is the queue's.
inline constexpr std::uint64_t queue_bits = sync_state::queue_held | sync_state::waiting;

/// Takes the queue and applies `change` to the word, if `wanted` holds for it; `word` is the last
/// one seen, or on success the one that was replaced.
template <typename Wanted, typename Change>
bool hold_queue(sync_state& at, std::uint64_t& word, Wanted&& wanted, Change&& change) noexcept {
    short_wait busy;
    word = at.word.load(std::memory_order_relaxed); // the exchange carries the ordering
    while (wanted(word)) {
        if ((word & sync_state::queue_held) != 0) {
            busy.pause();
            word = at.word.load(std::memory_order_relaxed);
            continue;
        }
        // acquire: pairs with the release of whoever held the queue before.
        if (at.word.compare_exchange_weak(word, change(word) | sync_state::queue_held,
                                          std::memory_order_acquire, std::memory_order_relaxed)) {
            return true;
        }
    }
    return false;
}

inline std::uint64_t hold_queue(sync_state& at) noexcept {
    std::uint64_t word = 0;
    static_cast<void>(hold_queue(
        at, word, [](std::uint64_t) { return true; }, [](std::uint64_t seen) { return seen; }));
    return word;
}

/// Releases the queue and leaves the owner's bits, which others may be changing, as they are.
inline void release_queue(sync_state& at) noexcept {
    const std::uint64_t gone =
        at.first != nullptr ? sync_state::queue_held : sync_state::queue_held | sync_state::waiting;
    at.word.fetch_and(~gone, std::memory_order_release); // pairs with hold_queue's acquire
}

/// The `waiting` bit that belongs to the queue as it is.
[[nodiscard]] inline std::uint64_t waiting_bit(const sync_state& at) noexcept {
    return at.first != nullptr ? sync_state::waiting : 0;
}

// The functions below want the queue held.

inline void append(sync_state& at, wait_node& node) noexcept {
    node.previous = at.last;
    node.next = nullptr;
    node.linked = true;
    (at.last != nullptr ? at.last->next : at.first) = &node;
    at.last = &node;
}

inline void prepend(sync_state& at, wait_node& node) noexcept {
    node.previous = nullptr;
    node.next = at.first;
    node.linked = true;
    (at.first != nullptr ? at.first->previous : at.last) = &node;
    at.first = &node;
}

inline void remove(sync_state& at, wait_node& node) noexcept {
    (node.previous != nullptr ? node.previous->next : at.first) = node.next;
    (node.next != nullptr ? node.next->previous : at.last) = node.previous;
    node.linked = false;
}

/// Claims the wait of a node that is in the queue, and takes it out whatever comes of that.
[[nodiscard]] inline bool take_out(sync_state& at, wait_node& node) noexcept {
    remove(at, node);
    if (!claimed(*node.party, node.epoch)) return false;
    node.party->result = 0;
    return true;
}

/// Takes out and claims the first whose wait is not over; null if there is none.
[[nodiscard]] inline wait_node* claim_first(sync_state& at) noexcept {
    while (wait_node* const node = at.first) {
        if (take_out(at, *node)) return node;
    }
    return nullptr;
}

inline void claim_all(sync_state& at, wake_list& woken) noexcept {
    while (wait_node* const node = claim_first(at)) woken.add(*node);
}

enum class queue_end : std::uint8_t { back, front };

struct sync_wait {
    wait_kind kind;
    std::int64_t deadline_ns;
    queue_end enter = queue_end::back;
};

/// Parks in the queue, which the caller holds, and releases it. Returns 0 when woken;
/// wait_timed_out or wait_cancelled with the node still to be withdrawn.
std::size_t park_at(sync_state& at, wait_node& node, const sync_wait& wait) noexcept;

/// As park_at, then withdraws; returns whether it was woken in time. Throws `cancelled`.
bool wait_at(sync_state& at, wait_node& node, const sync_wait& wait);

} // namespace coir::detail
