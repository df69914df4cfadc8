// SPDX-License-Identifier: MIT
// Owns the coroutines of a wait_group.

#include "sched/coroutine.hpp"
#include "task/local.hpp"
#include "task/unhandled.hpp"

#include <coir/detail/launch.hpp>
#include <coir/sync/wait_group.hpp>

#include <utility>

namespace coir::detail {
namespace {

// Nothing of the coroutine's work is left when it is counted as done.
void count_off(coroutine& self) noexcept {
    if (self.failure != nullptr) report_unhandled(self, std::exchange(self.failure, nullptr));
    static_cast<const payload_operations*>(self.payload_operations)->drop_result(self.payload);
    drop_locals(self); // of the user's code that these have called
    static_cast<void>(static_cast<countdown*>(self.at_end_argument)->subtract(1));
}

} // namespace

void launch_counted(coroutine& co, countdown& count) noexcept {
    co.at_end = count_off;
    co.at_end_argument = &count;
    // relaxed: nobody else knows it before the launch.
    co.joining.store(join_state::detached, std::memory_order_relaxed);
    launch_task(co);
}

} // namespace coir::detail
