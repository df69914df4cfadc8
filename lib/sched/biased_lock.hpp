// SPDX-License-Identifier: MIT
#pragma once
// Owns the lock for what coroutines wait at: a spin lock that is taken by plain stores, as long as
// the one worker of a runtime is alone with it (owner_gate.hpp).
//
// The gate guards the taking only. Releasing is one store in either case, and the last touch: who
// gets the lock next may free it. The rule of base/spin_lock.hpp holds here too: nothing that
// parks, allocates for long or runs user code happens under it.

#include "base/spin_lock.hpp"
#include "sched/owner_gate.hpp"

namespace coir::detail {

class biased_lock : owner_gate { // a base, so that the lock lies in what it leaves of its last word
public:
    void lock() noexcept {
        if (enter()) {
            lock_.lock_alone();
            leave();
        } else {
            lock_.lock();
        }
    }

    /// try_lock() where that takes no loop and no call. False says nothing. `here` is the caller's
    /// worker.
    [[nodiscard]] bool lock_at_once(const worker* here = current_worker()) noexcept {
        if (try_enter(here)) {
            const bool locked = lock_.try_lock_alone(); // the caller itself may hold it
            leave();
            return locked;
        }
        return is_open() && lock_.try_lock_blindly();
    }

    /// Fails too where another thread may have to be waited for.
    [[nodiscard]] bool try_lock() noexcept {
        while (!is_open()) {
            if (try_enter()) {
                const bool locked = lock_.try_lock_alone();
                leave();
                return locked;
            }
            if (!is_virgin()) return false;
            settle();
        }
        return lock_.try_lock();
    }

    void unlock() noexcept { lock_.unlock(); }

    /// For what else its owner may do alone.
    [[nodiscard]] owner_gate& gate() noexcept { return *this; }

private:
    spin_lock lock_;
};

} // namespace coir::detail
