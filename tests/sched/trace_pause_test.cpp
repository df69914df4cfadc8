// SPDX-License-Identifier: MIT
// Covers how many records may be taken, when recording pauses and when it goes on.

#include "sched/fork.hpp"
#include "sched/trace.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <deque>

namespace detail = coir::detail;
using detail::trace_budget;

namespace {

constexpr std::int64_t slice_ns = trace_budget::slice_ns;

/// Spends what is left; returns how many that were.
std::uint32_t spend_all(trace_budget& budget) {
    std::uint32_t count = 1;
    while (budget.spend()) ++count;
    return count;
}

/// As if COIR_TRACE were set: the bit only, since no runtime is to be recorded.
struct recording {
    recording() { detail::switch_watchers.fetch_or(detail::watched_for_trace); }
    recording(const recording&) = delete;
    ~recording() { detail::forget_trace(); }
};

/// Records in a loop until that is too much.
void record_until_paused() {
    trace_budget budget;
    while (detail::tracing()) {
        spend_all(budget);
        detail::spent_trace_budget(budget);
    }
}

} // namespace

TEST_CASE("a budget lasts for so many records, until the slice is over") {
    std::atomic<std::int64_t> slice_end{0};
    trace_budget budget;
    std::int64_t now = 1'000;
    for (int slice = 0; slice < 3; ++slice) {
        CHECK(spend_all(budget) == 1); // the one that begins the slice
        CHECK(budget.renew(slice_end, now) == 0);
        CHECK(spend_all(budget) == trace_budget::records);
        const std::int64_t end = now + slice_ns;
        CHECK(budget.renew(slice_end, now + 5) == end);
        CHECK(spend_all(budget) == 1); // of those who see the pause late
        CHECK(budget.renew(slice_end, end - 1) == end);
        now = end;
    }
}

TEST_CASE("who has not spent its budget when another one's slice begins gets a new one") {
    std::atomic<std::int64_t> slice_end{0};
    trace_budget busy;
    trace_budget calm;
    CHECK(!busy.spend());
    CHECK(busy.renew(slice_end, 1) == 0);
    CHECK(!calm.spend());
    CHECK(calm.renew(slice_end, 2) == 0);
    spend_all(busy);
    CHECK(busy.renew(slice_end, 3) == slice_ns + 1);
    spend_all(busy);
    CHECK(busy.renew(slice_end, slice_ns + 1) == 0); // the next slice
    spend_all(calm);
    CHECK(calm.renew(slice_end, slice_ns + 2) == 0);
    CHECK(spend_all(calm) == trace_budget::records);
    CHECK(calm.renew(slice_end, slice_ns + 3) == 2 * slice_ns + 1);
}

TEST_CASE("no slice of time holds more than two budgets, however they come") {
    std::atomic<std::int64_t> slice_end{0};
    trace_budget budget;
    std::deque<std::int64_t> last; // the times of the records of one slice
    std::size_t most = 0;
    std::int64_t now = 0;
    std::int64_t paused_until = 0;
    for (int i = 0; i < 400'000; ++i) {
        const bool is_burst = i / 10'000 % 2 == 0;
        now = std::max(now + (is_burst ? 10 : 1'000), paused_until);
        last.push_back(now);
        while (last.front() <= now - slice_ns) last.pop_front();
        most = std::max(most, last.size());
        if (!budget.spend()) paused_until = budget.renew(slice_end, now);
    }
    CHECK(most > trace_budget::records);
    CHECK(most <= std::size_t{2} * trace_budget::records + 1);
}

TEST_CASE("a pause begins with the last record, ends when it is due, and leaves locks watched") {
    const std::size_t before = detail::collect_trace_gaps().all.size();
    const recording on;
    const std::uint8_t locks = detail::switch_watchers.load() & detail::watched_for_locks;
    const std::uint64_t ticks = detail::trace_ticks();
    record_until_paused();
    CHECK(detail::switch_watchers.load() == locks);
    CHECK(detail::collect_trace_gaps().all.size() == before + 1); // the one under way

    const std::int64_t end = detail::trace_pause_ends_ns.load();
    detail::end_due_trace_pause(end - 1);
    CHECK(!detail::tracing());
    detail::end_due_trace_pause(end);
    CHECK(detail::tracing());
    CHECK(detail::trace_pause_ends_ns.load() == detail::never_ns);
    detail::end_due_trace_pause(detail::never_ns - 1); // there is none
    const detail::trace_gaps known = detail::collect_trace_gaps();
    REQUIRE(known.all.size() == before + 1);
    CHECK(known.all.back().begin > ticks);
    CHECK(known.all.back().end > known.all.back().begin);
    CHECK(known.since == 0);

    record_until_paused();
    detail::end_due_trace_pause(detail::trace_pause_ends_ns.load());
    CHECK(detail::collect_trace_gaps().all.size() == before + 2);
}

TEST_CASE("of more pauses than are kept the last are known, and since when") {
    const recording on;
    const std::uint64_t begin = detail::trace_ticks();
    for (int i = 0; i < 20'000; ++i) {
        record_until_paused();
        detail::end_due_trace_pause(detail::trace_pause_ends_ns.load());
    }
    const detail::trace_gaps known = detail::collect_trace_gaps();
    CHECK(known.all.size() == std::size_t{1} << 14);
    CHECK(known.since == known.all.front().begin);
    CHECK(known.since > begin);
    CHECK(std::ranges::is_sorted(known.all, {}, &detail::trace_gap::begin));
}

TEST_CASE("a forked child has no trace, also if its parent's pauses") {
    detail::watch_for_fork();
    const recording on;
    for (const bool is_paused : {false, true}) {
        CAPTURE(is_paused);
        detail::trace_is_open.store(true);
        if (is_paused) record_until_paused();
        const pid_t child = ::fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            detail::end_due_trace_pause(detail::never_ns - 1);
            ::_exit(detail::has_trace() || detail::tracing() ? 1 : 0);
        }
        detail::trace_is_open.store(false);
        int status = -1;
        REQUIRE(::waitpid(child, &status, 0) == child);
        CHECK(status == 0);
        CHECK(detail::tracing() == !is_paused);
    }
}
