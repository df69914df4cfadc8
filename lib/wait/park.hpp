// SPDX-License-Identifier: MIT
#pragma once
// Owns the one door to the scheduler: how a coroutine or an OS thread waits and is woken.
//
// Protocol of a wait
//   1. The party takes the locks of all it wants to wait at and finds nothing ready.
//   2. It fills in its wait_nodes with its waiter and next_epoch(), enqueues them, calls park().
//   3. park() leaves the coroutine. On the other side of the switch, commit(): the word becomes
//      open; the deadline goes into the worker's timer heap; a cancellation that came before is
//      noticed; the locks are released. (A thread opens its word, releases, sleeps on a futex.)
//   4. Somebody claims the wait and calls wake(). The party runs again and gets the result.
//   5. It withdraws the nodes that are still enqueued.
// Cancellation is a store-load pair: the parker stores the open word and then loads its scope's
// flag; the canceller stores the flag and then loads the word. The light fence is the parker's,
// the heavy one the canceller's (cancellation.cpp), so a wait pays one load.

#include "sched/waiter.hpp"
#include "sched/worker.hpp"
#include "wait/wait_queue.hpp"

#include <cstddef>
#include <cstdint>

namespace coir::detail {

/// Results of a wait beside the indices of its nodes.
inline constexpr std::size_t wait_cancelled = static_cast<std::size_t>(-1);
inline constexpr std::size_t wait_timed_out = static_cast<std::size_t>(-2);
/// A thread that sleeps in poll(2): one of the descriptors is ready.
inline constexpr std::size_t wait_polled = static_cast<std::size_t>(-3);

enum class interruption : std::uint8_t {
    allowed, ///< unless the party is firm or unwinding, a cancellation ends the wait
    refused, ///< a cancellation waits for the next one
    hooked,  ///< a cancellation calls the waiter's `interrupt`; the wait ends by its completion
};

struct park_request {
    wait_kind kind = wait_kind::none;
    const void* object = nullptr;
    /// Releases what is held; called with `held` when the wait is open. May be null.
    void (*release)(void* held) noexcept = nullptr;
    void* held = nullptr;
    std::int64_t deadline_ns = INT64_MAX;
    interruption cancel = interruption::allowed;
    /// Instead of `release`, where a lock is all that is held.
    biased_lock* lock = nullptr;

    void release_held() const noexcept {
        if (lock != nullptr) {
            lock->unlock();
        } else if (release != nullptr) {
            release(held);
        }
    }
};

/// The calling thread's own waiter.
[[nodiscard]] COIR_NOINLINE waiter& current_thread_party() noexcept;

/// The calling coroutine, or the calling OS thread's own waiter.
[[nodiscard]] inline waiter& current_waiter() noexcept {
    if (coroutine* const co = current_coroutine()) [[likely]]
        return *co;
    return current_thread_party();
}

/// Waits, as described above; `self` is the caller's. Returns an index, wait_cancelled or
/// wait_timed_out.
std::size_t park(waiter& self, const park_request& request) noexcept;

COIR_NOINLINE void wake_thread_party(waiter& party) noexcept;

/// Makes a party whose wait the caller has claimed run again; its frame may be gone on return.
inline void wake(waiter& party) noexcept {
    if (party.is_thread) return wake_thread_party(party);
    schedule(static_cast<coroutine&>(party));
}

/// Wakes the chain linked by next_woken, first to last.
void wake_all(wait_node* first) noexcept;

/// A list of claimed nodes to be woken once no lock is held.
class wake_list {
public:
    void add(wait_node& node) noexcept {
        node.next_woken = nullptr;
        (last_ != nullptr ? last_->next_woken : first_) = &node;
        last_ = &node;
    }
    void wake() noexcept { wake_all(first_); }

private:
    wait_node* first_ = nullptr;
    wait_node* last_ = nullptr;
};

/// While it lives, the waits of `self` are not interrupted: it runs user code for coir, in a place
/// that must go on.
class firm_section {
public:
    explicit firm_section(waiter& self) noexcept : self_{self} { ++self_.firm_depth; }
    firm_section(const firm_section&) = delete;
    firm_section& operator=(const firm_section&) = delete;
    ~firm_section() { --self_.firm_depth; }

private:
    waiter& self_;
};

} // namespace coir::detail
