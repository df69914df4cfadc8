// SPDX-License-Identifier: MIT
// Owns the short way through a channel, of elements that are trivial to copy.
//
// Programs repeat these operations more than anything else, so they are cut into functions by how
// often each part is needed. What is frequent calls nothing, or only as its last act: then it saves
// and restores no registers for calls that it does not make (docs/performance.md, What was measured
// for the engine). So the rest is returned to, as in `return send_slowly(...)`, and not called in
// the middle. Functions named `_held` are entered with the lock; all release it.

#include "chan/channel_core.hpp"
#include "sched/worker.hpp"

#include <cstring>
#include <mutex>
#include <new>

namespace coir::detail {
namespace {

template <bool Word> void copy_element(void* to, const void* from, std::size_t size) noexcept {
    if constexpr (Word) {
        copy_word(to, from, size);
    } else {
        std::memcpy(to, from, size);
    }
}

} // namespace

// --- Sending --------------------------------------------------------------------------------

inline channel_status channel_core::send(void* value, std::int64_t deadline_ns) {
    if (type_.way != element_way::word || !lock.lock_at_once()) [[unlikely]]
        return send_slowly(value, deadline_ns);
    return send_held<true>(value, deadline_ns);
}

channel_status channel_core::send_slowly(void* value, std::int64_t deadline_ns) {
    if (!is_trivial()) return send_moving(value, deadline_ns);
    lock.lock();
    return type_.way == element_way::word ? send_held<true>(value, deadline_ns)
                                          : send_held<false>(value, deadline_ns);
}

template <bool Word>
inline channel_status channel_core::send_held(void* value, std::int64_t deadline_ns) {
    // relaxed: stored under the lock.
    if (closed_.load(std::memory_order_relaxed)) return end_send(readiness::closed, value, 0);
    if (!receivers_.empty()) return serve_receiver<Word>(value, deadline_ns);
    return put_held<Word>(value, deadline_ns);
}

template <bool Word>
inline channel_status channel_core::put_held(void* value, std::int64_t deadline_ns) {
    if (buffer_.size() >= capacity_) return end_send(readiness::must_wait, value, deadline_ns);
    if (!buffer_.has_place()) [[unlikely]]
        return put_into_new_block(value);
    copy_element<Word>(buffer_.push(), value, type_.size);
    lock.unlock();
    return channel_status::success;
}

channel_status channel_core::put_into_new_block(const void* value) {
    const std::lock_guard guard{lock, std::adopt_lock};
    buffer_.make_place();
    copy(buffer_.push(), value);
    return channel_status::success;
}

// Receivers wait, so the buffer is empty.
template <bool Word>
channel_status channel_core::serve_receiver(void* value, std::int64_t deadline_ns) {
    wait_node* const receiver = receivers_.claim_first_at_once();
    if (receiver == nullptr) [[unlikely]]
        return serve_receiver_slowly<Word>(value, deadline_ns);
    --parked_;
    copy_element<Word>(receiver->value, value, type_.size);
    return end_serving(*receiver);
}

template <bool Word>
channel_status channel_core::serve_receiver_slowly(void* value, std::int64_t deadline_ns) {
    wait_node* const receiver = claim_from(receivers_);
    if (receiver == nullptr) [[unlikely]] // all had given up
        return put_held<Word>(value, deadline_ns);
    copy_element<Word>(receiver->value, value, type_.size);
    return end_serving(*receiver);
}

// The peer may free the channel as soon as it runs.
inline channel_status channel_core::end_serving(wait_node& served) noexcept {
    served.succeeded = true;
    waiter& party = *served.party;
    lock.unlock();
    wake(party);
    return channel_status::success;
}

// --- Receiving ------------------------------------------------------------------------------

inline channel_status channel_core::receive(void* out, std::int64_t deadline_ns) {
    if (type_.way != element_way::word || !lock.lock_at_once()) [[unlikely]]
        return receive_slowly(out, deadline_ns);
    return receive_held<true>(out, deadline_ns);
}

channel_status channel_core::receive_slowly(void* out, std::int64_t deadline_ns) {
    if (!is_trivial()) return receive_moving(out, deadline_ns);
    lock.lock();
    return type_.way == element_way::word ? receive_held<true>(out, deadline_ns)
                                          : receive_held<false>(out, deadline_ns);
}

template <bool Word>
inline channel_status channel_core::receive_held(void* out, std::int64_t deadline_ns) {
    if (buffer_.size() == 0) {
        // A rendezvous; or there was no memory for more.
        if (!senders_.empty()) return serve_sender<Word>(out, deadline_ns);
        return end_receive(nothing_left(), out, deadline_ns);
    }
    copy_element<Word>(out, buffer_.front(), type_.size);
    if (buffer_.front_ends_block() || !senders_.empty()) [[unlikely]]
        return end_taking();
    buffer_.pop_within_block();
    lock.unlock();
    return channel_status::success;
}

// The first element has been copied. A place has become free for the first of those that wait.
channel_status channel_core::end_taking() noexcept {
    buffer_.pop();
    if (!senders_.empty()) {
        if (wait_node* const sender = refill_trivial()) return end_serving(*sender);
    }
    lock.unlock();
    return channel_status::success;
}

template <bool Word>
channel_status channel_core::serve_sender(void* out, std::int64_t deadline_ns) {
    wait_node* const sender = senders_.claim_first_at_once();
    if (sender == nullptr) [[unlikely]]
        return serve_sender_slowly<Word>(out, deadline_ns);
    --parked_;
    copy_element<Word>(out, sender->value, type_.size);
    return end_serving(*sender);
}

template <bool Word>
channel_status channel_core::serve_sender_slowly(void* out, std::int64_t deadline_ns) {
    wait_node* const sender = claim_from(senders_);
    if (sender == nullptr) [[unlikely]] // all had given up
        return end_receive(nothing_left(), out, deadline_ns);
    copy_element<Word>(out, sender->value, type_.size);
    return end_serving(*sender);
}

wait_node* channel_core::refill_trivial() noexcept {
    try {
        buffer_.make_place();
    } catch (const std::bad_alloc&) {
        return nullptr; // they stay parked; a receiver will take from them when the buffer is empty
    }
    wait_node* const sender = claim_from(senders_);
    if (sender == nullptr) return nullptr; // all had given up
    copy(buffer_.push(), sender->value);
    sender->succeeded = true;
    return sender;
}

// --- The door for the typed handles ---------------------------------------------------------

namespace {

COIR_COLD channel_status send_after_pause(channel_core& channel, void* value,
                                          std::int64_t deadline_ns) {
    pause_before(step::send, &channel);
    return channel.send(value, deadline_ns);
}

COIR_COLD channel_status receive_after_pause(channel_core& channel, void* out,
                                             std::int64_t deadline_ns) {
    pause_before(step::receive, &channel);
    return channel.receive(out, deadline_ns);
}

} // namespace

channel_status channel_send(channel_core& channel, void* value, std::int64_t deadline_ns) {
    if (!operation_goes_on()) [[unlikely]]
        return send_after_pause(channel, value, deadline_ns);
    return channel.send(value, deadline_ns);
}

channel_status channel_receive(channel_core& channel, void* out, std::int64_t deadline_ns) {
    if (!operation_goes_on()) [[unlikely]]
        return receive_after_pause(channel, out, deadline_ns);
    return channel.receive(out, deadline_ns);
}

} // namespace coir::detail
