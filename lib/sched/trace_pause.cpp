// SPDX-License-Identifier: MIT
#include "sched/trace_pause.hpp"

#include "sched/trace.hpp"

#include <array>
#include <cstddef>
#include <mutex>
#include <utility>

namespace coir::detail {
namespace {

// The same slices for all, so that all have budget again after a pause. relaxed, here and below:
// these are figures, nothing else is published by them.
std::atomic<std::int64_t> current_slice_ends_ns{0};

struct pause_history {
    // Who finds it locked leaves it to whoever has it: another one has the same intent. And so
    // nobody waits on a worker.
    std::mutex lock;
    std::uint64_t count = 0;
    std::uint64_t paused_since = 0;                   ///< in ticks; 0: recording
    std::array<trace_gap, std::size_t{1} << 14> gaps; ///< the last of them, over a minute at least
};

pause_history& history() {
    static auto* const kept = new pause_history; // threads may outlive static destructors
    return *kept;
}

} // namespace

std::int64_t trace_budget::renew(std::atomic<std::int64_t>& slice_ends_ns,
                                 std::int64_t now_ns) noexcept {
    std::int64_t end = slice_ends_ns.load(std::memory_order_relaxed);
    if (end <= now_ns) {
        const std::int64_t next = now_ns + slice_ns;
        if (slice_ends_ns.compare_exchange_strong(end, next, std::memory_order_relaxed)) end = next;
    }
    left_ = end == full_in_ ? 1 : records;
    return std::exchange(full_in_, end) == end ? end : 0;
}

void spent_trace_budget(trace_budget& budget) noexcept {
    const std::int64_t until_ns = budget.renew(current_slice_ends_ns, monotonic_ns());
    if (until_ns == 0) return;
    pause_history& all = history();
    const std::unique_lock guard{all.lock, std::try_to_lock};
    if (!guard.owns_lock() || all.paused_since != 0) return;
    all.paused_since = trace_ticks();
    constexpr auto others = static_cast<std::uint8_t>(~watched_for_trace);
    switch_watchers.fetch_and(others, std::memory_order_relaxed);
    trace_pause_ends_ns.store(until_ns, std::memory_order_relaxed);
}

void end_trace_pause(std::int64_t now_ns) noexcept {
    pause_history& all = history();
    const std::unique_lock guard{all.lock, std::try_to_lock};
    if (!guard.owns_lock() || trace_pause_ends_ns.load(std::memory_order_relaxed) > now_ns) return;
    trace_pause_ends_ns.store(never_ns, std::memory_order_relaxed);
    all.gaps[all.count++ % all.gaps.size()] = {all.paused_since, trace_ticks()};
    all.paused_since = 0;
    switch_watchers.fetch_or(watched_for_trace, std::memory_order_relaxed);
}

trace_gaps collect_trace_gaps() {
    pause_history& all = history();
    const std::lock_guard guard{all.lock};
    trace_gaps found;
    const std::size_t capacity = all.gaps.size();
    const std::uint64_t begin = all.count > capacity ? all.count - capacity : 0;
    for (std::uint64_t i = begin; i < all.count; ++i) found.all.push_back(all.gaps[i % capacity]);
    if (begin != 0) found.since = found.all.front().begin;
    if (all.paused_since != 0) found.all.push_back({all.paused_since, trace_ticks()});
    return found;
}

} // namespace coir::detail
