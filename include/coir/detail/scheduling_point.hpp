// SPDX-License-Identifier: MIT
#pragma once
// Owns the places at which a simulation may let another coroutine run: the start of each operation.

#include <coir/detail/config.hpp>

#include <atomic>
#include <cstdint>

namespace coir::detail {

/// What the running coroutine is about to do, for the interleaving that a failed simulation prints.
enum class step : std::uint8_t {
    yield,
    preempt,
    start,
    send,
    receive,
    close,
    drop,
    inspect,
    select,
    join,
    stop,
    lock,
    unlock,
    wait,
    notify,
    acquire,
    release,
    arrive,
    once,
    sleep,
    timer,
    limit,
    blocking,
    listen,
    accept,
    connect,
    read,
    write,
    shutdown,
    hang_up,
    // What is not a coroutine's but the simulated network's:
    fault_reset,
    fault_refusal,
    fault_cut,
    fault_heal,
};

/// How many simulations are under way in this process.
COIR_API extern std::atomic<std::uint32_t> simulations_under_way;

COIR_API COIR_COLD bool simulated_scheduling_point(step next, const void* object) noexcept;

/// Stands at the start of each operation, where no lock of coir is held. Inside a simulation others
/// may run before it returns; elsewhere it is a load and a branch. Returns whether the caller is
/// simulated.
inline bool scheduling_point(step next, const void* object = nullptr) noexcept {
    // relaxed: a simulation's thread has written it itself, and to others it does not matter.
    return simulations_under_way.load(std::memory_order_relaxed) != 0 &&
           simulated_scheduling_point(next, object);
}

} // namespace coir::detail
