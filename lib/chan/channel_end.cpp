// SPDX-License-Identifier: MIT
// Owns how a channel closes and how it ends: by close(), or with the last handle of a side.

#include "chan/channel_core.hpp"

#include <coir/detail/scheduling_point.hpp>

namespace coir::detail {
namespace {

// Gives a handle up. acquire-release: the last one's end happens after all that was done through
// the others. An only handle need not be counted down, as nobody else could copy it.
bool is_last(std::atomic<std::uint32_t>& alive) noexcept {
    return alive.load(std::memory_order_acquire) == 1 ||
           alive.fetch_sub(1, std::memory_order_acq_rel) == 1;
}

} // namespace

void channel_core::close_locked(wake_list& woken) noexcept {
    // release: pairs with closed(); what was done before closing is visible to who sees it closed.
    closed_.store(true, std::memory_order_release);
    refuse_all(senders_, woken);
    if (buffer_.size() == 0) refuse_all(receivers_, woken);
}

// Nobody will receive: closes, refuses all, destroys what is buffered.
void channel_core::abandon_locked(wake_list& woken) noexcept {
    closed_.store(true, std::memory_order_release);
    abandoned_ = true;
    refuse_all(senders_, woken);
    refuse_all(receivers_, woken);
    if (is_trivial()) {
        while (buffer_.size() != 0) buffer_.pop();
    } else {
        while (pump_one(woken)) {}
    }
}

void channel_core::close() noexcept {
    wake_list woken;
    lock.lock();
    close_locked(woken);
    lock.unlock();
    if (on_end != nullptr) on_end(*this); // our caller has a handle
    woken.wake();
}

// Of a side that has no handle any more, and is closed or abandoned. Releases the lock.
void channel_core::end_side_locked(wake_list& woken) noexcept {
    if (on_end != nullptr) [[unlikely]] {
        lock.unlock();
        on_end(*this); // we still are one of the two sides
        lock.lock();
    }
    --sides_;
    unlock_or_free();
    woken.wake();
}

void channel_core::drop_sender() noexcept {
    if (!is_last(senders_alive_)) return;
    scheduling_point(step::drop, this);
    wake_list woken;
    lock.lock();
    close_locked(woken);
    end_side_locked(woken);
}

void channel_core::drop_receiver() noexcept {
    if (!is_last(receivers_alive_)) return;
    scheduling_point(step::drop, this);
    wake_list woken;
    lock.lock();
    abandon_locked(woken);
    end_side_locked(woken);
}

void channel_core::drop_side() noexcept {
    lock.lock();
    --sides_;
    unlock_or_free();
}

} // namespace coir::detail
