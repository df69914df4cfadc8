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
//   Elements that are trivial to copy go a shorter way (short_way.cpp; select: put_trivial() and
//   take_trivial()): all of it under one hold of the lock, so that they need no slots.
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
#include <cstring>

namespace coir::detail {

class channel_core : public wait_source {
public:
    channel_core(const element_type& type, std::size_t capacity) noexcept;
    channel_core(const channel_core&) = delete;
    channel_core& operator=(const channel_core&) = delete;

    channel_status send(void* value, std::int64_t deadline_ns);
    channel_status receive(void* out, std::int64_t deadline_ns);
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

    [[nodiscard]] bool is_trivial() const noexcept { return type_.way != element_way::moved; }
    /// Under the lock, for trivial elements: all of the operation. Who was served by it is to be
    /// woken once the lock is released. put_trivial throws std::bad_alloc with nothing changed.
    readiness put_trivial(const void* from, wait_node*& served);
    readiness take_trivial(void* to, wait_node*& served) noexcept;

    /// Under the lock: false where an operation would have to wait for sure.
    [[nodiscard]] bool may_send() const noexcept {
        return !receivers_.empty() || buffer_.size() < capacity_ ||
               closed_.load(std::memory_order_relaxed); // stored under the lock
    }
    [[nodiscard]] bool may_receive() const noexcept {
        return buffer_.size() != 0 || !senders_.empty() ||
               closed_.load(std::memory_order_relaxed); // stored under the lock
    }

    /// Under the lock. begin_send throws std::bad_alloc with nothing changed.
    readiness begin_send(hold& got);
    readiness begin_receive(hold& got) noexcept;
    /// Called under the lock, and release it.
    void finish_send(const hold& got, void* from) noexcept;
    void finish_receive(const hold& got, void* out) noexcept;
    /// Under the lock.
    void enqueue_sender(wait_node& node) noexcept { enqueue(node, senders_); }
    void enqueue_receiver(wait_node& node) noexcept { enqueue(node, receivers_); }
    /// Takes a node back whose wait was ended by something else. May free the channel.
    void withdraw_sender(wait_node& node) noexcept { withdraw(node, senders_); }
    void withdraw_receiver(wait_node& node) noexcept { withdraw(node, receivers_); }

private:
    ~channel_core() = default;

    channel_status end_send(readiness now, void* value, std::int64_t deadline_ns);
    channel_status end_receive(readiness now, void* out, std::int64_t deadline_ns);
    COIR_NOINLINE channel_status wait_in(wait_queue& queue, wait_kind kind, void* value,
                                         std::int64_t deadline_ns);
    void enqueue(wait_node& node, wait_queue& queue) noexcept {
        queue.enqueue(node);
        ++parked_;
    }
    [[nodiscard]] bool has_room() const noexcept { return buffer_.size() + leaving_ < capacity_; }
    /// Of an empty channel: what a receiver meets there.
    [[nodiscard]] readiness nothing_left() const noexcept {
        // relaxed: stored under the lock.
        return closed_.load(std::memory_order_relaxed) ? readiness::closed : readiness::must_wait;
    }
    wait_node* claim_from(wait_queue& queue) noexcept;
    void copy(void* to, const void* from) const noexcept {
        if (type_.way == element_way::word) {
            copy_word(to, from, type_.size);
        } else {
            std::memcpy(to, from, type_.size);
        }
    }
    void withdraw(wait_node& node, wait_queue& queue) noexcept;
    void hand_over(wait_node& peer, void* to, void* from) noexcept;
    void construct(const element_queue::slot& place, void* from) noexcept;
    void extract(const element_queue::slot& place, void* out) noexcept;
    bool pump_one(wake_list& woken) noexcept;
    bool accept_from_sender(wake_list& woken) noexcept;
    void settle() noexcept;
    void close_locked(wake_list& woken) noexcept;
    void refuse_all(wait_queue& queue, wake_list& woken) noexcept {
        if (!queue.empty()) [[unlikely]]
            refuse_each(queue, woken);
    }
    void refuse_each(wait_queue& queue, wake_list& woken) noexcept;
    void abandon_locked(wake_list& woken) noexcept;
    void end_side_locked(wake_list& woken) noexcept;
    void unlock_or_free() noexcept;
    template <typename Move> void outside_lock(Move&& move) noexcept;

    // The long way: of elements that are moved.
    channel_status send_moving(void* value, std::int64_t deadline_ns);
    channel_status receive_moving(void* out, std::int64_t deadline_ns);

    // The short way. `Word`: of an element that is copied without a call.
    COIR_NOINLINE channel_status send_slowly(void* value, std::int64_t deadline_ns);
    template <bool Word> channel_status send_held(void* value, std::int64_t deadline_ns);
    template <bool Word> channel_status put_held(void* value, std::int64_t deadline_ns);
    COIR_NOINLINE channel_status put_into_new_block(const void* value);
    template <bool Word>
    COIR_NOINLINE channel_status serve_receiver(void* value, std::int64_t deadline_ns);
    template <bool Word>
    COIR_NOINLINE channel_status serve_receiver_slowly(void* value, std::int64_t deadline_ns);
    COIR_NOINLINE channel_status receive_slowly(void* out, std::int64_t deadline_ns);
    template <bool Word> channel_status receive_held(void* out, std::int64_t deadline_ns);
    COIR_NOINLINE channel_status end_taking() noexcept;
    template <bool Word>
    COIR_NOINLINE channel_status serve_sender(void* out, std::int64_t deadline_ns);
    template <bool Word>
    COIR_NOINLINE channel_status serve_sender_slowly(void* out, std::int64_t deadline_ns);
    channel_status end_serving(wait_node& served) noexcept;
    wait_node* refill_trivial() noexcept;

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
            copy(receiver->value, from);
            receiver->succeeded = true;
            served = receiver;
            return readiness::ready;
        }
    }
    if (buffer_.size() >= capacity_) return readiness::must_wait;
    buffer_.make_place();
    copy(buffer_.push(), from);
    return readiness::ready;
}

inline channel_core::readiness channel_core::take_trivial(void* to, wait_node*& served) noexcept {
    if (buffer_.size() != 0) {
        copy(to, buffer_.front());
        buffer_.pop();
        if (!senders_.empty()) [[unlikely]]
            served = refill_trivial();
        return readiness::ready;
    }
    if (!senders_.empty()) { // a rendezvous; or there was no memory for more
        if (wait_node* const sender = claim_from(senders_)) {
            copy(to, sender->value);
            sender->succeeded = true;
            served = sender;
            return readiness::ready;
        }
    }
    return nothing_left();
}

} // namespace coir::detail
