// SPDX-License-Identifier: MIT
#pragma once
// Owns the locks that a select holds, those of all its cases at the moment that counts.
//
// Two selects may meet at the same channels in any order. So either all locks are taken in the
// order of their addresses; or they are taken as they come, and only the first is waited for:
// whoever holds another one gets all of ours back.

#include "base/scratch.hpp"
#include "sched/biased_lock.hpp"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <span>

namespace coir::detail {

class select_locks {
public:
    static constexpr std::size_t few = 16;

    /// For at most so many.
    explicit select_locks(std::size_t most) : locks_{most} {}

    /// Takes one more, in any order. False: give all back. `here` is the caller's worker.
    [[nodiscard]] bool hold_also(biased_lock& lock, const worker* here) noexcept {
        if (!lock.lock_at_once(here)) [[unlikely]]
            return hold_also_slowly(lock);
        locks_[count_++] = &lock;
        return true;
    }

    /// Names one for hold_named(); perhaps again.
    void name(biased_lock& lock) noexcept { locks_[count_++] = &lock; }
    /// Takes all that were named, none being held before.
    void hold_named() noexcept {
        std::ranges::sort(held(), std::less<>{});
        const auto repeated = std::ranges::unique(held());
        count_ -= repeated.size();
        for (biased_lock* const lock : held()) lock->lock();
    }

    void release() noexcept {
        for (biased_lock* const lock : held()) lock->unlock();
        count_ = 0;
    }
    /// Leaves one to the caller.
    void release_but(const biased_lock& kept) noexcept {
        for (biased_lock* const lock : held()) {
            if (lock != &kept) lock->unlock();
        }
        count_ = 0;
    }

private:
    std::span<biased_lock*> held() noexcept { return {locks_.data(), count_}; }

    COIR_NOINLINE bool hold_also_slowly(biased_lock& lock) noexcept {
        if (count_ == 0) {
            lock.lock();
        } else if (!lock.try_lock()) { // taken: by us, where a channel stands in several cases?
            return std::ranges::find(held(), &lock) != held().end();
        }
        locks_[count_++] = &lock;
        return true;
    }

    std::size_t count_ = 0;
    scratch<biased_lock*, few> locks_;
};

} // namespace coir::detail
