// SPDX-License-Identifier: MIT
// Owns how a channel closes and how it ends: by close(), or with the last handle of a side.

#include "chan/channel_core.hpp"

#include <coir/detail/scheduling_point.hpp>

namespace coir::detail {

void channel_core::close_locked(wake_list& woken) noexcept {
    // release: pairs with closed(); what was done before closing is visible to who sees it closed.
    closed_.store(true, std::memory_order_release);
    refuse_all(senders_, woken);
    if (buffer_.size() == 0) refuse_all(receivers_, woken);
}

void channel_core::close() noexcept {
    wake_list woken;
    lock.lock();
    close_locked(woken);
    lock.unlock();
    if (on_end != nullptr) on_end(*this); // our caller has a handle
    woken.wake();
}

void channel_core::drop_sender() noexcept {
    // acquire-release: the last one's close happens after all that was done through the others.
    if (senders_alive_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    scheduling_point(step::drop, this);
    close();
    drop_side();
}

void channel_core::drop_receiver() noexcept {
    if (receivers_alive_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    scheduling_point(step::drop, this);
    abandon();
    drop_side();
}

// Nobody will receive: closes, refuses all, destroys what is buffered.
void channel_core::abandon() noexcept {
    wake_list woken;
    lock.lock();
    closed_.store(true, std::memory_order_release);
    abandoned_ = true;
    refuse_all(senders_, woken);
    refuse_all(receivers_, woken);
    while (pump_one(woken)) {}
    lock.unlock();
    if (on_end != nullptr) on_end(*this); // our caller still is one of the two sides
    woken.wake();
}

void channel_core::drop_side() noexcept {
    lock.lock();
    --sides_;
    unlock_or_free();
}

} // namespace coir::detail
