// SPDX-License-Identifier: MIT
#pragma once
// Owns the door by which a simulation takes over what a worker would decide.
//
// A simulated worker is an ordinary worker on the simulation's own thread. Coroutines are made
// ready, parked and resumed by the same code as always; but its duties are due at every switch, so
// each switch goes by way of the loop, and the loop asks here instead of the queues. Hence the
// paths of other workers hold nothing for simulations but the test in scheduling_point().

#include <coir/detail/scheduling_point.hpp>

#include <cstddef>
#include <memory>

namespace coir::detail {

struct coroutine;
class poller;
class simulated_sockets;
class worker;

class simulated_scheduler {
public:
    simulated_scheduler() = default;
    simulated_scheduler(const simulated_scheduler&) = delete;
    simulated_scheduler& operator=(const simulated_scheduler&) = delete;
    virtual ~simulated_scheduler() = default;

    /// Makes what the worker has for a kernel; called once.
    [[nodiscard]] virtual std::unique_ptr<poller> make_poller(worker& here) = 0;
    /// Answers the system calls on sockets that do not go by the poller.
    [[nodiscard]] virtual simulated_sockets& sockets() noexcept = 0;

    /// On the worker's loop: whom to run next; null ends the loop.
    virtual coroutine* choose(worker& here) noexcept = 0;

    /// In the running coroutine: lets others run if that is the choice.
    virtual void reach(worker& here, step next, const void* object) noexcept = 0;

    /// In the running coroutine: which of `count` cases a select takes is about to be drawn.
    virtual void prepare_draws(worker& here, std::size_t count) noexcept = 0;
};

/// See simulated_scheduler::prepare_draws. Inside a simulation only.
void prepare_simulated_draws(std::size_t count) noexcept;

/// The sockets of the simulation that the caller runs in; null elsewhere.
[[nodiscard]] simulated_sockets* sockets_of_simulation() noexcept;

} // namespace coir::detail
