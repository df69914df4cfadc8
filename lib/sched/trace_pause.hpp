// SPDX-License-Identifier: MIT
#pragma once
// Owns what keeps recording cheap: a budget of records for each slice of time, and the pauses that
// follow when it is spent.
//
// A record costs some 15 ns, about as much as a switch, and three are due at each. Programs that do
// something between their switches do not notice; one that does nothing else would take twice as
// long. So each buffer may take so many records in a slice of time; whoever has spent
// that stops the recording of all workers (of one alone it would leave waits without ends, and
// arrows without beginnings) for the rest of the slice. Nothing is recorded then but the user's
// spans, and the hooks cost what they cost without COIR_TRACE.
//
// Who pauses clears the bit of switch_watchers, and whichever worker next sees that the slice is
// over sets it again: it looks when it looks for timers, and sleeps no longer than to the end of a
// pause. The bit is a hint. Some see it late: what they record in a pause the writer drops, what
// they miss after one is a piece more of the gap.
//
// Rejected: the same without slices, so many records for each look at the clock: they are 64
// switches apart, so the reader would never see more than those in one piece.

#include "timer/clock.hpp"

#include <coir/detail/config.hpp>

#include <atomic>
#include <cstdint>
#include <vector>

namespace coir::detail {

class trace_budget {
public:
    static constexpr std::int64_t slice_ns = 4'000'000;
    /// In a slice; up to twice as many where the slice before left some.
    static constexpr std::uint32_t records = 6'000;

    /// Counts one; false: that was the last.
    [[nodiscard]] bool spend() noexcept { return --left_ != 0; }
    /// When the last is spent: full again, if a slice has begun since it was made full, and 0; or
    /// when the slice ends, until when there is only one more. All that share `slice_ends_ns` share
    /// their slices: whoever comes after the end of one begins the next.
    [[nodiscard]] std::int64_t renew(std::atomic<std::int64_t>& slice_ends_ns,
                                     std::int64_t now_ns) noexcept;

private:
    std::uint32_t left_ = 1;    // so that the first record begins a slice
    std::int64_t full_in_ = -1; // the slice, by its end
};

/// When a pause is over; never_ns while there is none.
inline std::atomic<std::int64_t> trace_pause_ends_ns{never_ns};

/// By whoever has added the last record of its budget.
COIR_COLD void spent_trace_budget(trace_budget& budget) noexcept;
COIR_COLD void end_trace_pause(std::int64_t now_ns) noexcept;

/// On a worker, between coroutines.
inline void end_due_trace_pause(std::int64_t now_ns) noexcept {
    // relaxed: the pauses themselves are guarded by a lock.
    if (trace_pause_ends_ns.load(std::memory_order_relaxed) <= now_ns) [[unlikely]]
        end_trace_pause(now_ns);
}

/// In ticks.
struct trace_gap {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
};

/// The pauses, oldest first; the one under way ends now. Of those before `since` none are known.
struct trace_gaps {
    std::vector<trace_gap> all;
    std::uint64_t since = 0;
};
[[nodiscard]] trace_gaps collect_trace_gaps();

} // namespace coir::detail
