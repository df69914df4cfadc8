// SPDX-License-Identifier: MIT
// Owns the slow paths of shared_mutex.
//
// Invariants
//   `waiting` implies an owner; newcomers then queue up. The first who waits is one that the owner
//   keeps out: a writer, or a reader behind an owning writer.
// Protocol
//   Who releases it last admits, under the queue, the first who waits and, if that is a reader, the
//   readers directly behind; they own it when they wake. A writer that gives up may have been all
//   that kept the readers behind it from joining those who own it: it admits them.
// Rejected: letting readers in while a writer waits (the writer starves), and all waiting readers
// before the next writer (a writer then waits for readers that came after it).

#include "sync/waiters.hpp"

#include <coir/cancelled.hpp>
#include <coir/sync/shared_mutex.hpp>

namespace coir::detail {
namespace {

// A node's value tells its kind: set for a reader.
[[nodiscard]] bool is_reader(const wait_node& node) noexcept { return node.value != nullptr; }

// Takes out the readers at the front; returns how many of them are to own it.
std::uint64_t admit_readers(sync_state& state, wake_list& woken) noexcept {
    std::uint64_t count = 0;
    while (state.first != nullptr && is_reader(*state.first)) {
        wait_node& reader = *state.first;
        if (!take_out(state, reader)) continue;
        woken.add(reader);
        ++count;
    }
    return count;
}

// Takes out those who are next, when nobody owns it; returns their bits of the word.
std::uint64_t admit(sync_state& state, wake_list& woken) noexcept {
    while (state.first != nullptr) {
        if (const std::uint64_t readers = admit_readers(state, woken)) {
            return readers * shared_reader;
        }
        if (state.first == nullptr) break;
        wait_node& writer = *state.first;
        if (!take_out(state, writer)) continue;
        woken.add(writer);
        return shared_writer;
    }
    return 0;
}

// The caller is the last owner and holds the queue: nobody else changes the word.
void pass_on(sync_state& state) noexcept {
    wake_list woken;
    const std::uint64_t owners = admit(state, woken);
    state.word.store(owners | waiting_bit(state), std::memory_order_release); // the last touch
    woken.wake();
}

void withdraw(sync_state& state, wait_node& node) noexcept {
    const std::uint64_t word = hold_queue(state);
    if (node.linked) remove(state, node);
    wake_list woken;
    // With a reader among the owners no writer is, and none can become one while we are here.
    const bool readers_own = word >= shared_reader;
    const std::uint64_t admitted = readers_own ? admit_readers(state, woken) : 0;
    if (admitted != 0) state.word.fetch_add(admitted * shared_reader, std::memory_order_relaxed);
    release_queue(state);
    woken.wake();
}

void wait_as(sync_state& state, bool reader) {
    wait_node node;
    node.value = reader ? &node : nullptr;
    if (park_at(state, node, {wait_kind::shared_mutex, never_ns}) == 0) return;
    withdraw(state, node);
    throw cancelled{};
}

constexpr auto with_waiting = [](std::uint64_t word) { return word | sync_state::waiting; };
constexpr auto unchanged = [](std::uint64_t word) { return word; };

} // namespace

void lock_exclusive_slow(sync_state& state) {
    const auto taken = [](std::uint64_t word) { return (word & ~sync_state::queue_held) != 0; };
    std::uint64_t word = 0;
    while (!hold_queue(state, word, taken, with_waiting)) {
        if (state.word.compare_exchange_strong(
                word, word | shared_writer, std::memory_order_acquire, std::memory_order_relaxed)) {
            return;
        }
    }
    wait_as(state, false);
}

void unlock_exclusive_slow(sync_state& state) noexcept {
    const auto somebody_waits = [](std::uint64_t word) {
        return (word & sync_state::waiting) != 0;
    };
    std::uint64_t word = 0;
    while (!hold_queue(state, word, somebody_waits, unchanged)) {
        if (state.word.compare_exchange_strong(word, word & ~shared_writer,
                                               std::memory_order_release,
                                               std::memory_order_relaxed)) {
            return;
        }
    }
    pass_on(state);
}

void lock_shared_slow(sync_state& state) {
    const auto kept_out = [](std::uint64_t word) {
        return (word & (shared_writer | sync_state::waiting)) != 0;
    };
    std::uint64_t word = 0;
    while (!hold_queue(state, word, kept_out, with_waiting)) {
        if (state.word.compare_exchange_strong(
                word, word + shared_reader, std::memory_order_acquire, std::memory_order_relaxed)) {
            return;
        }
    }
    wait_as(state, true);
}

void unlock_shared_slow(sync_state& state) noexcept {
    const auto last_while_waited_for = [](std::uint64_t word) {
        return (word & sync_state::waiting) != 0 && word < 2 * shared_reader;
    };
    std::uint64_t word = 0;
    while (!hold_queue(state, word, last_while_waited_for, unchanged)) {
        if (state.word.compare_exchange_strong(
                word, word - shared_reader, std::memory_order_release, std::memory_order_relaxed)) {
            return;
        }
    }
    pass_on(state);
}

} // namespace coir::detail
