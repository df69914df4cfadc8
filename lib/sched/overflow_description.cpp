// SPDX-License-Identifier: MIT
#include "sched/overflow_description.hpp"

#include "fiber/stack_overflow.hpp"
#include "sched/coroutine.hpp"
#include "sched/run_session.hpp"

namespace coir::detail {
namespace {

// Runs in a signal handler of the very thread that runs the coroutine: its record holds still.
overflow_description describe(std::byte* slot_top) noexcept {
    if (pins_of(slot_top).load(std::memory_order_acquire) == 0) return {};
    const coroutine& co = coroutine_at(slot_top);
    return {co.name, co.own_stack_bytes != 0 ? co.own_stack_bytes : co.session->stack_bytes};
}

} // namespace

void describe_overflows() noexcept { set_overflow_describer(describe); }

} // namespace coir::detail
