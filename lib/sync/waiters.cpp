// SPDX-License-Identifier: MIT
#include "sync/waiters.hpp"

#include <coir/cancelled.hpp>

namespace coir::detail {
namespace {

void release_held(void* state) noexcept {
    // fetch_and: the owner's bits may change meanwhile. release: publishes the enqueued node.
    static_cast<sync_state*>(state)->word.fetch_and(~sync_state::queue_held,
                                                    std::memory_order_release);
}

} // namespace

std::size_t park_at(sync_state& at, wait_node& node, const sync_wait& wait) noexcept {
    waiter& self = current_waiter();
    node.party = &self;
    node.epoch = next_epoch(self);
    if (wait.enter == queue_end::back) {
        append(at, node);
    } else {
        prepend(at, node);
    }
    return park(self, {wait.kind, &at, release_held, &at, wait.deadline_ns});
}

bool wait_at(sync_state& at, wait_node& node, const sync_wait& wait) {
    const std::size_t result = park_at(at, node, wait);
    if (result == 0) return true;
    hold_queue(at);
    if (node.linked) remove(at, node);
    release_queue(at);
    if (result == wait_cancelled) throw cancelled{};
    return false;
}

} // namespace coir::detail
