// SPDX-License-Identifier: MIT
#pragma once
// Owns one channel, of any flavour: rendezvous (capacity 0), bounded, unbounded.
//
// Invariants (under the lock)
//   Receivers wait only while no element is there for them; senders wait only while there is no
//   room. In between, while an element is being moved into or out of a slot, either may be on the
//   way to the other: pump() brings them together when the move is done.
//   Waiters are served first come, first served. Elements leave in the order in which their slots
//   were reserved.
//   `parked_` counts the waits that hold on to this channel; `busy_` the moves under way. The
//   channel is freed when both sides have no handles left and both counts are zero.
// Protocol
//   An operation is begun under the lock: begin_*() claims a peer or a slot, or says that one has
//   to wait. The lock is then released, the element moved, straight between the two frames where
//   there is a peer, and the claimed peer woken last: it may free the channel, so nothing of the
//   channel is touched after a wake-up. User code (moves, destructors) never runs under the lock,
//   and may even park.
//   Elements that are trivial to copy go a shorter way: put_trivial() and take_trivial() do all of
//   it under one hold of the lock, so their slots are never seen half-way.
// Rejected
//   Moving under the lock: a move that logs, allocates or parks would stop every user of the
//   channel, and with one worker for ever.
//   Letting a woken receiver take the element itself (barging): newcomers overtake it, so it may
//   wake for nothing any number of times, and arrival order is lost.

#include "chan/element_queue.hpp"
#include "wait/park.hpp"
#include "wait/wait_queue.hpp"

#include <coir/detail/channel_core.hpp>

#include <atomic>
#include <cstddef>

namespace coir::detail {

class channel_core : public wait_source {
public:
    channel_core(const element_type& type, std::size_t capacity) noexcept;
    channel_core(const channel_core&) = delete;
    channel_core& operator=(const channel_core&) = delete;

    channel_status send(void* value, std::int64_t deadline_ns);
    channel_status receive(void* out, std::int64_t deadline_ns);
    channel_status send_trivial(const void* value, std::int64_t deadline_ns);
    channel_status receive_trivial(void* out, std::int64_t deadline_ns);
    void send_last(void* value) noexcept;
    void close() noexcept;
    [[nodiscard]] bool closed() const noexcept { return closed_.load(std::memory_order_acquire); }
    [[nodiscard]] std::size_t size() noexcept;
    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

    void add_sender() noexcept { senders_alive_.fetch_add(1, std::memory_order_relaxed); }
    void add_receiver() noexcept { receivers_alive_.fetch_add(1, std::memory_order_relaxed); }
    void drop_sender() noexcept;
    void drop_receiver() noexcept;
    /// One of the two sides has no handles any more. May free the channel.
    void drop_side() noexcept;

    /// Called once nobody can receive any more, by close() or with the last receiver, without the
    /// lock; perhaps more than once. Set before the channel is shared.
    void (*on_end)(channel_core&) noexcept = nullptr;

    // The parts from which operations and select are made.

    /// What a begun operation has got hold of: a parked peer or a slot.
    struct hold {
        wait_node* peer = nullptr;
        element_queue::slot place;
    };
    enum class readiness : std::uint8_t { ready, closed, must_wait };

    [[nodiscard]] bool is_trivial() const noexcept { return type_.trivial; }
    /// Under the lock, for trivial elements: all of the operation. Who was served by it is to be
    /// woken once the lock is released. put_trivial throws std::bad_alloc with nothing changed.
    readiness put_trivial(const void* from, wait_node*& served);
    readiness take_trivial(void* to, wait_node*& served) noexcept;

    /// Under the lock. begin_send throws std::bad_alloc with nothing changed.
    readiness begin_send(hold& got);
    readiness begin_receive(hold& got) noexcept;
    /// Called under the lock, and release it.
    void finish_send(const hold& got, void* from) noexcept;
    void finish_receive(const hold& got, void* out) noexcept;
    /// Under the lock.
    void enqueue_sender(wait_node& node) noexcept;
    void enqueue_receiver(wait_node& node) noexcept;
    /// Takes a node back whose wait was ended by something else. May free the channel.
    void withdraw_sender(wait_node& node) noexcept { withdraw(node, senders_); }
    void withdraw_receiver(wait_node& node) noexcept { withdraw(node, receivers_); }

private:
    ~channel_core() = default;

    channel_status end_send(readiness now, void* value, std::int64_t deadline_ns);
    channel_status end_receive(readiness now, void* out, std::int64_t deadline_ns);
    channel_status park_sender(void* value, std::int64_t deadline_ns);
    channel_status park_receiver(void* out, std::int64_t deadline_ns);
    void refill_trivial(wait_node*& served) noexcept;
    [[nodiscard]] bool has_room() const noexcept { return buffer_.size() + leaving_ < capacity_; }
    wait_node* claim_from(wait_queue& queue) noexcept;
    void withdraw(wait_node& node, wait_queue& queue) noexcept;
    void hand_over(wait_node& peer, void* to, void* from) noexcept;
    void construct(const element_queue::slot& place, void* from) noexcept;
    void extract(const element_queue::slot& place, void* out) noexcept;
    bool pump_one(wake_list& woken) noexcept;
    bool accept_from_sender(wake_list& woken) noexcept;
    void settle() noexcept;
    void close_locked(wake_list& woken) noexcept;
    void refuse_all(wait_queue& queue, wake_list& woken) noexcept;
    void abandon() noexcept;
    void unlock_or_free() noexcept;
    template <typename Move> void outside_lock(Move&& move) noexcept;

    const element_type& type_;
    const std::size_t capacity_;
    std::atomic<bool> closed_{false};
    bool abandoned_ = false; ///< no receiver is left: elements are destroyed
    std::uint8_t sides_ = 2;
    std::uint32_t busy_ = 0;
    std::uint32_t parked_ = 0;
    std::size_t leaving_ = 0; ///< slots that are taken but not released
    wait_queue receivers_;
    wait_queue senders_;
    element_queue buffer_;
    std::atomic<std::uint32_t> senders_alive_{1};
    std::atomic<std::uint32_t> receivers_alive_{1};
};

inline wait_node* channel_core::claim_from(wait_queue& queue) noexcept {
    wait_node* const node = queue.claim_first();
    if (node != nullptr) --parked_; // it will not come back to this channel
    return node;
}

inline channel_core::readiness channel_core::put_trivial(const void* from, wait_node*& served) {
    if (closed_.load(std::memory_order_relaxed)) return readiness::closed; // stored under the lock
    if (!receivers_.empty()) {                                             // so the buffer is empty
        if (wait_node* const receiver = claim_from(receivers_)) {
            copy_bytes(receiver->value, from, type_.size);
            receiver->succeeded = true;
            served = receiver;
            return readiness::ready;
        }
    }
    if (buffer_.size() >= capacity_) return readiness::must_wait;
    const element_queue::slot place = buffer_.reserve();
    copy_bytes(place.element, from, type_.size);
    buffer_.mark_filled(place);
    return readiness::ready;
}

inline channel_core::readiness channel_core::take_trivial(void* to, wait_node*& served) noexcept {
    if (buffer_.size() != 0) {
        const element_queue::slot place = buffer_.take();
        copy_bytes(to, place.element, type_.size);
        buffer_.release(place);
        if (!senders_.empty()) [[unlikely]]
            refill_trivial(served);
        return readiness::ready;
    }
    if (!senders_.empty()) { // a rendezvous; or there was no memory for more
        if (wait_node* const sender = claim_from(senders_)) {
            copy_bytes(to, sender->value, type_.size);
            sender->succeeded = true;
            served = sender;
            return readiness::ready;
        }
    }
    return closed_.load(std::memory_order_relaxed) ? readiness::closed : readiness::must_wait;
}

} // namespace coir::detail
