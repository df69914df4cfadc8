// SPDX-License-Identifier: MIT
#include "sched/worker.hpp"
#include "wait/cancellation.hpp"
#include "wait/park.hpp"

#include <coir/cancelled.hpp>
#include <coir/detail/scheduling_point.hpp>
#include <coir/task.hpp>

#include <mutex>
#include <thread>

namespace coir {

void yield() {
    detail::worker* const here = detail::current_worker();
    if (here == nullptr || here->current() == nullptr) return std::this_thread::yield();
    const detail::coroutine& self = *here->current();
    if (self.scope->cancelled.load(std::memory_order_relaxed) && detail::is_interrupted(self))
        [[unlikely]] {
        throw cancelled{};
    }
    if (!detail::scheduling_point(detail::step::yield)) here->yield();
}

namespace this_task {

std::uint64_t id() noexcept {
    const detail::coroutine* const self = detail::current_coroutine();
    return self != nullptr ? self->id : 0;
}

std::string_view name() noexcept {
    const detail::coroutine* const self = detail::current_coroutine();
    return self != nullptr ? self->name : std::string_view{};
}

std::stop_token stop_token() {
    detail::cancel_scope* const scope = detail::current_waiter().scope;
    if (scope == nullptr) return {};
    std::stop_source fresh; // allocated outside the lock
    const std::lock_guard guard{scope->lock};
    if (!scope->stop.stop_possible()) {
        scope->stop = std::move(fresh);
        // relaxed: its own thread frees the record, or learns of its end.
        if (detail::coroutine* const self = detail::current_coroutine()) {
            self->special.store(true, std::memory_order_relaxed);
        }
        // Marked under the lock before we came: nobody else will request it.
        if (scope->cancelled.load(std::memory_order_relaxed)) scope->stop.request_stop();
    }
    return scope->stop.get_token();
}

} // namespace this_task
} // namespace coir
