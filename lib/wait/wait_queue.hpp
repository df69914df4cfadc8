// SPDX-License-Identifier: MIT
#pragma once
// Owns the queues of those who wait at one thing, in the order of their arrival.

#include "base/intrusive_list.hpp"
#include "sched/biased_lock.hpp"
#include "wait/claim.hpp"

#include <cstddef>
#include <cstdint>

namespace coir::detail {

/// One entry of a wait in one queue; lives in the waiting frame. A wait at many things has many.
/// Guarded by the lock of the queue that it is in, and after a claim the claimer's.
struct wait_node : list_links<wait_node> {
    wait_node() noexcept = default;
    wait_node(waiter& self, std::uint64_t number, void* given) noexcept
        : party{&self}, epoch{number}, value{given} {}

    waiter* party = nullptr;
    std::uint64_t epoch = 0;
    std::size_t index = 0;  ///< becomes the wait's result
    void* value = nullptr;  ///< what to send, or where to receive: the queue's owner knows
    bool succeeded = false; ///< written by the claimer
    wait_node* next_woken = nullptr;
};

/// What a wait queue belongs to: its lock is held from the last look until the wait is registered.
struct wait_source {
    biased_lock lock;
};

class wait_queue {
public:
    [[nodiscard]] bool empty() const noexcept { return nodes_.empty(); }
    void enqueue(wait_node& node) noexcept { nodes_.push_back(node); }
    /// Takes the node out if no claimer has; returns whether it was still in.
    bool withdraw(wait_node& node) noexcept {
        if (!node.linked) return false;
        nodes_.remove(node);
        return true;
    }
    /// Takes out and claims the first whose wait is not over; null if there is none. The caller
    /// wakes it, after its value has been transferred.
    wait_node* claim_first() noexcept {
        while (wait_node* const node = nodes_.pop_front()) {
            if (claimed(*node->party, node->epoch)) {
                node->party->result = node->index;
                return node;
            }
        }
        return nullptr;
    }

    /// claim_first() of a queue that is not empty, where that takes no loop and no call. Null says
    /// nothing.
    wait_node* claim_first_at_once() noexcept {
        wait_node* const node = nodes_.front();
        if (!claim_at_once(*node->party, node->epoch)) return nullptr;
        nodes_.pop_front();
        node->party->result = node->index;
        return node;
    }

private:
    intrusive_list<wait_node> nodes_;
};

} // namespace coir::detail
