// SPDX-License-Identifier: MIT
#pragma once
// Owns the eventfd with which other threads end the sleep of a poller's owner.
//
//   running  --begin_sleep-->  sleeping  --end_sleep-->  running
//   running  --signal-->  signalled  --begin_sleep, which fails-->  running
//   sleeping --signal, writes the eventfd-->  signalled  --end_sleep-->  running
//
// Invariant: whoever turns `sleeping` into `signalled` writes the eventfd, and nobody else does; so
// one write per sleep at most, and none while the owner runs. The eventfd is never read: it is
// watched for edges, and each write is one. A write that comes late, after a completion has already
// ended the sleep, ends the next one early, which does no harm.
//
// Rejected: a flag "wake-up pending" that a load finds true and a store clears. A signal between
// the two is coalesced with the one being consumed, though its work was published after the owner
// looked: lost. All transitions are read-modify-writes, so each signal is ordered before or after.

#include "base/cache_line.hpp"

#include <atomic>
#include <cstdint>

namespace coir::detail {

class alignas(cache_line_bytes) wake_signal {
public:
    /// Throws std::system_error when there is no descriptor left.
    wake_signal();
    ~wake_signal();
    wake_signal(const wake_signal&) = delete;
    wake_signal& operator=(const wake_signal&) = delete;

    [[nodiscard]] int descriptor() const noexcept { return descriptor_; }

    /// Ends the current sleep or prevents the next. From any thread and signal handler.
    void signal() noexcept {
        // release: publishes what the caller did; pairs with the acquire of the owner's next
        // transition. acquire: so that no later read of the caller moves before it.
        if (state_.exchange(signalled, std::memory_order_acq_rel) == sleeping) write_eventfd();
    }

    /// Announces a sleep. False: do not sleep, a signal was there and is consumed now. Owner only.
    [[nodiscard]] bool begin_sleep() noexcept {
        std::uint32_t expected = running;
        // acquire: pairs with the release in signal(). A signal after this writes the eventfd.
        if (state_.compare_exchange_strong(expected, sleeping, std::memory_order_acq_rel,
                                           std::memory_order_acquire)) {
            return true;
        }
        end_sleep();
        return false;
    }

    /// Consumes the signals that came since. Owner only.
    void end_sleep() noexcept {
        // acquire: pairs with the release in signal(); an exchange, see Rejected.
        state_.exchange(running, std::memory_order_acq_rel);
    }

private:
    static constexpr std::uint32_t running = 0;
    static constexpr std::uint32_t sleeping = 1;
    static constexpr std::uint32_t signalled = 2;

    void write_eventfd() const noexcept;

    std::atomic<std::uint32_t> state_{running};
    int descriptor_;
};

} // namespace coir::detail
