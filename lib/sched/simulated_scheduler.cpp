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

void prepare_simulated_draws(std::size_t count) noexcept {
    worker& here = *current_worker();
    here.simulation()->prepare_draws(here, count);
}

simulated_sockets* sockets_of_simulation() noexcept {
    // relaxed: as in scheduling_point().
    if (simulations_under_way.load(std::memory_order_relaxed) == 0) return nullptr;
    const worker* const here = current_worker();
    if (here == nullptr || here->simulation() == nullptr) return nullptr;
    return &here->simulation()->sockets();
}

} // namespace coir::detail
