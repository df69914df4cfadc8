// SPDX-License-Identifier: MIT
// Owns the figures that metrics() returns: gathered from where they are counted anyway.

#include "fiber/stack_depot.hpp"
#include "sched/deadlock.hpp"
#include "sched/reports.hpp"
#include "sched/runtime_core.hpp"
#include "sched/unattended_pool.hpp"

#include <coir/debug.hpp>
#include <coir/detail/kernel_copy.hpp>

#include <algorithm>
#include <cstring>
#include <mutex>

namespace coir {
namespace detail {
namespace {

/// The events of runtimes that have ended.
struct past_events {
    std::mutex lock;
    process_metrics sum;
};

past_events& past() {
    static auto* const kept = new past_events; // runtimes may outlive static destructors
    return *kept;
}

std::uint64_t& parks_of(park_counts& counts, wait_kind kind) {
    switch (kind) {
    case wait_kind::receive: return counts.receive;
    case wait_kind::send: return counts.send;
    case wait_kind::select:
    case wait_kind::for_ever: return counts.select;
    case wait_kind::join:
    case wait_kind::group:
    case wait_kind::wait_group: return counts.join;
    case wait_kind::sleep: return counts.sleep;
    case wait_kind::io:
    case wait_kind::close: return counts.io;
    case wait_kind::blocking: return counts.blocking;
    case wait_kind::mutex:
    case wait_kind::shared_mutex: return counts.lock;
    default: return counts.other;
    }
}

std::uint64_t parks_in(const worker_counters& counters) {
    std::uint64_t sum = 0;
    for (const own_counter& kind : counters.parks) sum += kind.get();
    return sum;
}

void add_events(process_metrics& into, runtime_core& runtime) {
    const runtime_core::coroutine_counts coroutines = runtime.count_coroutines();
    into.coroutines_started += coroutines.started;
    into.coroutines_alive += coroutines.started - coroutines.ended;
    const std::uint64_t wakes = runtime.wakes_sent();
    std::uint64_t parks = 0;
    into.wakeups_sent += wakes;
    for (std::size_t i = 0; i < runtime.worker_count(); ++i) {
        worker& one = runtime.worker_at(i);
        const worker_counters& counters = one.counters();
        for (std::size_t kind = 0; kind < worker_counters::kinds; ++kind) {
            parks_of(into.parks, static_cast<wait_kind>(kind)) += counters.parks[kind].get();
        }
        parks += parks_in(counters);
        into.switches += one.switches();
        into.steals += counters.steals.get();
        into.io_submitted += one.io().submitted();
        into.io_completed += one.io().submitted() - one.io().in_flight();
    }
    into.wakeups_spared += parks - std::min(parks, wakes);
}

void add_state(process_metrics& into, runtime_core& runtime) {
    for (std::size_t i = 0; i < runtime.worker_count(); ++i) {
        worker& one = runtime.worker_at(i);
        worker_metrics own;
        own.switches = one.switches();
        own.steals = one.counters().steals.get();
        own.parks = parks_in(one.counters());
        own.run_queue = one.runnable();
        into.run_queue += own.run_queue;
        into.timers += one.timers().size();
        into.workers.push_back(own);
    }
    into.run_queue += runtime.injected().size();
    into.blocking_threads += runtime.blocking().threads();
    if (!into.io_backend.empty()) return;
    const poller& io = runtime.worker_at(0).io();
    into.io_backend = io.name();
    if (const int error = io.refused_errno()) {
        into.io_backend_reason = std::string{"io_uring refused: "} + std::strerror(error);
    } else if (into.io_backend == "epoll") {
        into.io_backend_reason = runtime.settings().io == io_backend::automatic
                                     ? "valgrind stops all threads while one waits in io_uring"
                                     : "chosen by COIR_IO or runtime_options::io";
    }
}

void add_runtimes(std::span<runtime_core* const> runtimes, void* into) {
    auto& sum = *static_cast<process_metrics*>(into);
    for (runtime_core* const one : runtimes) {
        add_events(sum, *one);
        add_state(sum, *one);
    }
}

} // namespace

void keep_counts(runtime_core& runtime) noexcept {
    const std::lock_guard guard{past().lock};
    add_events(past().sum, runtime);
}

} // namespace detail

process_metrics metrics() {
    process_metrics sum;
    {
        const std::lock_guard guard{detail::past().lock};
        sum = detail::past().sum;
    }
    sum.coroutines_alive = 0;
    sum.bytes_copied_in_kernel = detail::bytes_copied_in_kernel();
    detail::with_runtimes(detail::add_runtimes, &sum);
    sum.blocking_threads += detail::unattended_threads();
    const auto stacks = detail::stack_depot::instance().count();
    sum.coroutines_peak = stacks.handed_out;
    sum.stacks_mapped = stacks.mapped;
    sum.stacks_cached = stacks.warm + stacks.cold;
    return sum;
}

} // namespace coir
