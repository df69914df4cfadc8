// SPDX-License-Identifier: MIT
#include "sched/owner_gate.hpp"

#include "base/asymmetric_fence.hpp"
#include "base/short_wait.hpp"
#include "sched/worker.hpp"

namespace coir::detail {
namespace {

bool may_own(const worker* here) noexcept {
    // relaxed: a worker has seen its runtime register the fence.
    return COIR_TSAN == 0 && here != nullptr && here->is_alone() &&
           heavy_fence_works.load(std::memory_order_relaxed);
}

} // namespace

void owner_gate::settle() noexcept {
    std::uintptr_t owner = owner_.load(std::memory_order_acquire);
    if (owner == virgin) {
        const worker* const here = current_worker();
        const std::uintptr_t next = may_own(here) ? reinterpret_cast<std::uintptr_t>(here) : open;
        // acquire: where it fails, `open` may be what was found. Nobody has been here before, so
        // there is nothing to see or to show where it succeeds.
        if (owner_.compare_exchange_strong(owner, next, std::memory_order_acquire)) return;
    }
    if (owner != open) open_to_all(owner);
}

void owner_gate::open_to_all(std::uintptr_t owner) noexcept {
    short_wait patience;
    // relaxed: the fence that follows orders it.
    if (owner != opening &&
        owner_.compare_exchange_strong(owner, opening, std::memory_order_relaxed)) {
        heavy_fence(); // store `opening`, load `inside`: partner in try_enter
        // acquire: pairs with leave(); all that the owner did inside is seen,
        while (inside_.load(std::memory_order_acquire)) patience.pause();
        owner_.store(open, std::memory_order_release); // and passed on to whoever sees this
        return;
    }
    while (!is_open()) patience.pause();
}

// relaxed: published with what the gate is part of.
void owner_gate::assign(const worker* here) noexcept {
    const std::uintptr_t unowned = here != nullptr ? open : virgin; // for a worker to come
    owner_.store(may_own(here) ? reinterpret_cast<std::uintptr_t>(here) : unowned,
                 std::memory_order_relaxed);
}

bool owner_gate::is_virgin() const noexcept {
    return owner_.load(std::memory_order_relaxed) == virgin;
}

} // namespace coir::detail
