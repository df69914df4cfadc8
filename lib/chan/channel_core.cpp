// SPDX-License-Identifier: MIT
#include "chan/channel_core.hpp"

#include "base/check.hpp"
#include "sched/worker.hpp"

#include <coir/cancelled.hpp>
#include <coir/detail/scheduling_point.hpp>

#include <mutex>
#include <new>
#include <stdexcept>

namespace coir::detail {
channel_core::channel_core(const element_type& type, std::size_t capacity) noexcept
    : type_{type}, capacity_{capacity}, buffer_{type.size, type.alignment, is_trivial(), capacity} {
}

// --- Operations -----------------------------------------------------------------------------

channel_status channel_core::send_moving(void* value, std::int64_t deadline_ns) {
    lock.lock();
    hold got;
    readiness now = readiness::must_wait;
    try {
        now = begin_send(got);
    } catch (const std::bad_alloc&) {
        lock.unlock();
        throw;
    }
    if (now != readiness::ready) return end_send(now, value, deadline_ns);
    finish_send(got, value);
    return channel_status::success;
}

channel_status channel_core::receive_moving(void* out, std::int64_t deadline_ns) {
    lock.lock();
    hold got;
    const readiness now = begin_receive(got);
    if (now != readiness::ready) return end_receive(now, out, deadline_ns);
    finish_receive(got, out);
    return channel_status::success;
}

// Not ready, and the lock is held: waits, if that is wanted.
channel_status channel_core::end_send(readiness now, void* value, std::int64_t deadline_ns) {
    if (now == readiness::must_wait && deadline_ns != never_wait_ns) {
        return wait_in(senders_, wait_kind::send, value, deadline_ns);
    }
    lock.unlock();
    return now == readiness::closed ? channel_status::closed : channel_status::full;
}

channel_status channel_core::end_receive(readiness now, void* out, std::int64_t deadline_ns) {
    if (now == readiness::must_wait && deadline_ns != never_wait_ns) {
        return wait_in(receivers_, wait_kind::receive, out, deadline_ns);
    }
    lock.unlock();
    return now == readiness::closed ? channel_status::closed : channel_status::empty;
}

// Both sides wait in one function: processors predict where it returns to by who called it last,
// and after the switch that often is the other side.
channel_status channel_core::wait_in(wait_queue& queue, wait_kind kind, void* value,
                                     std::int64_t deadline_ns) {
    waiter& self = current_waiter();
    wait_node node{self, next_epoch(self), value};
    enqueue(node, queue);
    const std::size_t result =
        park(self, {.kind = kind, .object = this, .deadline_ns = deadline_ns, .lock = &lock});
    if (result == 0) return node.succeeded ? channel_status::success : channel_status::closed;
    withdraw(node, queue);
    if (result == wait_cancelled) throw cancelled{};
    return channel_status::timeout;
}

void channel_core::send_last(void* value) noexcept {
    wake_list woken;
    wait_node* served = nullptr;
    lock.lock();
    try {
        static_cast<void>(put_trivial(value, served));
    } catch (const std::bad_alloc&) { // then it is only closed
    }
    if (served != nullptr) woken.add(*served);
    close_locked(woken);
    lock.unlock();
    woken.wake();
}

std::size_t channel_core::size() noexcept {
    const std::lock_guard guard{lock};
    return buffer_.size();
}

// --- Beginning and finishing ----------------------------------------------------------------

channel_core::readiness channel_core::begin_send(hold& got) {
    if (closed_.load(std::memory_order_relaxed)) return readiness::closed; // stored under the lock
    if (buffer_.size() == 0) {
        got.peer = claim_from(receivers_);
        if (got.peer != nullptr) return readiness::ready;
    }
    if (!has_room()) return readiness::must_wait;
    got.place = buffer_.reserve();
    return readiness::ready;
}

channel_core::readiness channel_core::begin_receive(hold& got) noexcept {
    // Receivers wait, yet an element is there: somebody is just bringing them together, and serves
    // this one after them.
    if (busy_ != 0 && !receivers_.empty()) return readiness::must_wait;
    if (buffer_.front_is_filled()) {
        got.place = buffer_.take();
        ++leaving_;
        return readiness::ready;
    }
    if (buffer_.size() != 0) return readiness::must_wait; // the first is still being moved in
    got.peer = claim_from(senders_);
    if (got.peer != nullptr) return readiness::ready;
    return closed_.load(std::memory_order_relaxed) ? readiness::closed : readiness::must_wait;
}

void channel_core::finish_send(const hold& got, void* from) noexcept {
    if (got.peer != nullptr) {
        lock.unlock();
        hand_over(*got.peer, got.peer->value, from);
        return;
    }
    construct(got.place, from);
    buffer_.mark_filled(got.place);
    settle();
}

void channel_core::finish_receive(const hold& got, void* out) noexcept {
    if (got.peer != nullptr) {
        lock.unlock();
        hand_over(*got.peer, out, got.peer->value);
        return;
    }
    extract(got.place, out);
    settle();
}

// From frame to frame, under no lock. The peer may free the channel as soon as it runs.
void channel_core::hand_over(wait_node& peer, void* to, void* from) noexcept {
    {
        const firm_section firm{current_waiter()};
        type_.deliver(to, from);
    }
    peer.succeeded = true;
    wake(*peer.party);
}

// Runs user code: outside the lock, with the channel held, and not to be interrupted half-way.
template <typename Move> void channel_core::outside_lock(Move&& move) noexcept {
    ++busy_;
    lock.unlock();
    {
        const firm_section firm{current_waiter()};
        move();
    }
    lock.lock();
    --busy_;
}

void channel_core::construct(const element_queue::slot& place, void* from) noexcept {
    outside_lock([&] { type_.construct(place.element, from); });
}

void channel_core::extract(const element_queue::slot& place, void* out) noexcept {
    outside_lock([&] {
        if (out != nullptr) type_.deliver(out, place.element);
        type_.destroy(place.element);
    });
    --leaving_;
    buffer_.release(place);
}

// --- Waiters --------------------------------------------------------------------------------

void channel_core::withdraw(wait_node& node, wait_queue& queue) noexcept {
    lock.lock();
    queue.withdraw(node);
    --parked_;
    unlock_or_free();
}

void channel_core::refuse_each(wait_queue& queue, wake_list& woken) noexcept {
    while (wait_node* const node = claim_from(queue)) woken.add(*node); // succeeded stays false
}

// --- Bringing together ----------------------------------------------------------------------

// After something has changed: serves whoever can be served, then releases the lock, wakes them,
// and touches nothing of the channel any more.
void channel_core::settle() noexcept {
    wake_list woken;
    while (pump_one(woken)) {}
    unlock_or_free();
    woken.wake();
}

bool channel_core::pump_one(wake_list& woken) noexcept {
    if (buffer_.front_is_filled()) {
        if (abandoned_) {
            const element_queue::slot place = buffer_.take();
            ++leaving_;
            extract(place, nullptr);
            return true;
        }
        if (wait_node* const receiver = claim_from(receivers_)) {
            const element_queue::slot place = buffer_.take();
            ++leaving_;
            extract(place, receiver->value);
            receiver->succeeded = true;
            woken.add(*receiver);
            return true;
        }
    }
    if (!senders_.empty() && has_room()) return accept_from_sender(woken);
    if (closed_.load(std::memory_order_relaxed) && buffer_.size() == 0) {
        refuse_all(receivers_, woken);
    }
    return false;
}

bool channel_core::accept_from_sender(wake_list& woken) noexcept {
    element_queue::slot place;
    try {
        place = buffer_.reserve();
    } catch (const std::bad_alloc&) {
        return false; // the sender stays parked; the next receiver takes from it or comes by here
    }
    wait_node* const sender = claim_from(senders_);
    if (sender == nullptr) { // all had given up
        buffer_.unreserve();
        return false;
    }
    construct(place, sender->value);
    buffer_.mark_filled(place);
    sender->succeeded = true;
    woken.add(*sender);
    return true;
}

void channel_core::unlock_or_free() noexcept {
    const bool last = sides_ == 0 && busy_ == 0 && parked_ == 0;
    lock.unlock();
    if (last) delete this;
}

// --- The door for the typed handles ---------------------------------------------------------

channel_core* make_channel(const element_type& type, std::size_t capacity) {
    return new channel_core{type, capacity};
}

void add_sender(channel_core& channel) noexcept { channel.add_sender(); }
void add_receiver(channel_core& channel) noexcept { channel.add_receiver(); }
void drop_sender(channel_core& channel) noexcept { channel.drop_sender(); }
void drop_receiver(channel_core& channel) noexcept { channel.drop_receiver(); }
void forget_sender(channel_core& channel) noexcept { channel.drop_side(); }

void channel_send_last(channel_core& channel, void* value) noexcept { channel.send_last(value); }
void channel_close(channel_core& channel) noexcept {
    scheduling_point(step::close, &channel);
    channel.close();
}
bool is_channel_closed(const channel_core& channel) noexcept {
    scheduling_point(step::inspect, &channel);
    return channel.closed();
}
std::size_t channel_size(const channel_core& channel) noexcept {
    scheduling_point(step::inspect, &channel);
    return const_cast<channel_core&>(channel).size();
}
std::size_t channel_capacity(const channel_core& channel) noexcept { return channel.capacity(); }

void throw_nil_channel() {
    throw std::logic_error{"coir: use of a nil channel handle (default-made or moved-from)"};
}

} // namespace coir::detail
