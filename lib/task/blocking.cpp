// SPDX-License-Identifier: MIT
#include "sched/blocking_pool.hpp"
#include "sched/runtime_core.hpp"
#include "wait/claim.hpp"
#include "wait/park.hpp"

#include <coir/blocking.hpp>
#include <coir/detail/scheduling_point.hpp>

namespace coir::detail {
namespace {

struct blocking_wait : blocking_job {
    void (*call)(void*) noexcept;
    void* argument;
    blocking_pool* pool;
    waiter* party;
    std::uint64_t epoch;
};

void run_job(blocking_job& job) noexcept {
    auto& wait = static_cast<blocking_wait&>(job);
    wait.call(wait.argument);
    waiter& party = *wait.party;
    claim_own(party, wait.epoch);
    party.result = 0;
    wake(party);
}

// Runs when the caller has left its stack and its wait is open.
void hand_to_pool(void* job) noexcept {
    auto& wait = *static_cast<blocking_wait*>(job);
    wait.pool->submit(wait);
}

} // namespace

void run_blocking(void (*call)(void*) noexcept, void* argument) {
    worker* const here = current_worker();
    if (here == nullptr || here->current() == nullptr) return call(argument);
    if (scheduling_point(step::blocking)) return call(argument); // simulated: in the caller's place
    waiter& self = *here->current();
    blocking_pool& pool = here->runtime().blocking();
    pool.ensure_thread();
    blocking_wait wait;
    wait.run = run_job;
    wait.call = call;
    wait.argument = argument;
    wait.pool = &pool;
    wait.party = &self;
    wait.epoch = next_epoch(self);
    park(self,
         {wait_kind::blocking, nullptr, hand_to_pool, &wait, INT64_MAX, interruption::refused});
}

} // namespace coir::detail
