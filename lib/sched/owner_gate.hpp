// SPDX-License-Identifier: MIT
#pragma once
// Owns the right of one thread to go without atomic read-modify-writes where only it has been yet.
//
// With one worker nearly everything is used by that worker's thread alone, and there an atomic
// exchange is most of what a lock costs (5 ns of 6 on the machines measured). A gate is owned by
// the first who comes, if that is the only worker of its runtime. Inside the gate the owner does by
// a load and a store what takes a read-modify-write elsewhere; it goes in and out by plain stores.
// The first other thread that comes opens the gate to all, for good; then read-modify-writes rule.
//
// States: virgin -> owned by a worker | open;  owned -> opening -> open.
// Invariants
//   While the gate is owned, only the owner's thread is ever inside.
//   `open` is seen only when the owner is outside and will not come in again.
// Protocol: a store-load pair, biased as in base/asymmetric_fence.hpp.
//   try_enter (owner):  store `inside`; light fence; load the owner: still me, or it is being
//                       opened, so take `inside` back.
//   open_to_all (once): store `opening`; heavy fence; wait until not `inside`; store `open`.
//   One of the two sees the other. An owner that comes too late may set `inside` for a moment when
//   the gate is open already: nobody looks at it then.
// The owner is known by its worker's address. Another worker may get that address, when the first
// has ended, and is then the owner: there is still one thread at a time that has it.
// TSan knows nothing of membarrier, so under TSan gates are open from the start. The model is
// tests/models/owner_gate.pml.
// Rejected
//   Giving the gate back to an owner once the others have gone: nobody knows when that is, and a
//   channel between two runtimes would be taken away from its owner again and again, 5 us each.
//   One gate for all that belongs to a runtime: a late canceller that has a coroutine pinned would
//   look for the gate in a runtime that has ended.
// Source: the idea is that of biased locking (Kawachiya, Koseki, Onodera: Lock reservation, 2002;
// Dice, Moir, Scherer: Quickly reacquirable locks, 2003).

#include "sched/this_worker.hpp"

#include <atomic>
#include <cstdint>

namespace coir::detail {

class owner_gate {
public:
    /// Whether nobody has it any more.
    [[nodiscard]] bool is_open() const noexcept {
        // acquire: pairs with the release in open_to_all, and so with the owner's last leave().
        return owner_.load(std::memory_order_acquire) == open;
    }

    /// Enters if the caller, whose worker is `here`, is the owner, who must not be inside yet; true
    /// for it alone.
    [[nodiscard]] bool try_enter(const worker* here = current_worker()) noexcept {
        return try_enter(owner_.load(std::memory_order_relaxed), here); // looked at again inside
    }

    void leave() noexcept {
        inside_.store(false, std::memory_order_release); // pairs with open_to_all's acquire
    }

    /// After try_enter() has failed: the caller becomes the owner of a virgin gate if it may, and
    /// is to try again; otherwise the gate is open on return. Waits for the owner to come out.
    void settle() noexcept;

    /// Enters, or finds the gate open to all and returns false.
    [[nodiscard]] bool enter() noexcept {
        for (;;) {
            const std::uintptr_t owner = owner_.load(std::memory_order_acquire); // as in is_open
            if (owner == open) return false;
            if (try_enter(owner)) return true;
            settle();
        }
    }

    /// Whether nobody has come yet.
    [[nodiscard]] bool is_virgin() const noexcept;

    /// For what is used again by `here`, a worker or null, and cannot be reached by others: an
    /// owner that is another one makes way. What is open stays open.
    void renew(const worker* here) noexcept {
        if (!is_renewed(here)) [[unlikely]]
            assign(here);
    }
    /// Whether renew() has nothing to do.
    [[nodiscard]] bool is_renewed(const worker* here) const noexcept {
        const std::uintptr_t owner = owner_.load(std::memory_order_relaxed);
        return owner == reinterpret_cast<std::uintptr_t>(here) || owner == open;
    }

private:
    static constexpr std::uintptr_t open = 1;
    static constexpr std::uintptr_t opening = 2;
    static constexpr std::uintptr_t virgin = 3;

    bool try_enter(std::uintptr_t owner) noexcept { return try_enter(owner, current_worker()); }
    bool try_enter(std::uintptr_t owner, const worker* here) noexcept {
        const auto self = reinterpret_cast<std::uintptr_t>(here);
        if (owner != self) return false; // null is nobody's
        inside_.store(true, std::memory_order_relaxed);
        std::atomic_signal_fence(std::memory_order_seq_cst); // partner: open_to_all
        if (owner_.load(std::memory_order_relaxed) == self) [[likely]]
            return true;
        inside_.store(false, std::memory_order_relaxed); // nothing was done
        return false;
    }
    void open_to_all(std::uintptr_t owner) noexcept;
    void assign(const worker* here) noexcept;

    std::atomic<std::uintptr_t> owner_{virgin}; ///< a worker's address or one of the above
    std::atomic<bool> inside_{false};           ///< written by the owner only
};

} // namespace coir::detail
