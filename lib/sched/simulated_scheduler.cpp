// SPDX-License-Identifier: MIT
#include "sched/simulated_scheduler.hpp"

#include "sched/worker.hpp"

namespace coir::detail {

bool simulated_scheduling_point(step next, const void* object) noexcept {
    worker* const here = current_worker();
    if (here == nullptr || here->simulation() == nullptr) return false;
    // On the loop itself, where timers fire and waits are opened, nobody is there to be preempted.
    if (here->current() != nullptr) here->simulation()->reach(*here, next, object);
    return true;
}

} // namespace coir::detail
