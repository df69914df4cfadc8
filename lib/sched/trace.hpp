// SPDX-License-Identifier: MIT
#pragma once
// Owns what is recorded for COIR_TRACE: bounded buffers of plain records, one for each worker.
//
// Off, a hook costs one load of `switch_watchers` and a branch never taken. On, each worker writes
// records of its own, without locks, and the oldest are overwritten when its buffer is full. They
// become JSON only when the runtime ends (debug/trace_file.cpp). Where they would be too many,
// recording pauses (trace_pause.hpp).
//
// The check of held locks (held_locks.hpp) shares the hooks where coroutines leave their workers,
// so that they cost the others nothing more.

#include "sched/trace_pause.hpp"

#include <coir/detail/config.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace coir::detail {

struct coroutine;
class worker;

enum class trace_event : std::uint8_t {
    began,   ///< `coroutine` runs for the first time; its name is `text`
    resumed, ///< `coroutine` runs; `flow` is the wait that has ended
    parked,  ///< `coroutine` leaves its worker; `detail` is the wait_kind, `flow` the wait before
    yielded, ///< `coroutine` leaves, but could run on
    went_on, ///< `coroutine` runs again after it yielded
    ended,   ///< `coroutine` has run to its end
    woke,    ///< `other`, or the worker's loop if 0, ends the wait `flow` of `coroutine`
    stole,   ///< `coroutine`, and perhaps more, from the worker `other`
    expired, ///< `other` timers were due
    span,    ///< of the user, in `coroutine`: named `text`, since `other`
};

struct trace_record {
    std::uint64_t ticks = 0;
    std::uint64_t coroutine = 0;
    std::uint64_t flow = 0;
    std::uint64_t other = 0;
    std::uint32_t text = 0; ///< index of a text, 0: none
    trace_event event = trace_event::began;
    std::uint8_t detail = 0;
};

/// The cheapest clock that all CPUs agree on; the writer learns its rate.
[[nodiscard]] inline std::uint64_t trace_ticks() noexcept {
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
    std::uint64_t ticks = 0;
    asm volatile("mrs %0, cntvct_el0" : "=r"(ticks));
    return ticks;
#endif
}

/// The records of one worker, or of all threads that are none. The owner writes; the writer of the
/// file reads when the owner has come to rest.
class trace_buffer {
public:
    static constexpr std::size_t capacity = std::size_t{1} << 18;
    static constexpr std::size_t most_texts = std::size_t{1} << 16;

    trace_buffer() : records_{new trace_record[capacity]}, texts_(1) {}

    void add(const trace_record& record) noexcept {
        add_unbudgeted(record);
        if (!budget_.spend()) [[unlikely]]
            spent_trace_budget(budget_);
    }
    void add_unbudgeted(const trace_record& record) noexcept {
        records_[count_++ % capacity] = record;
    }
    /// Keeps a text; 0 when there are too many.
    std::uint32_t keep(std::string_view text) noexcept;

    void clear() {
        count_ = 0;
        texts_.resize(1);
    }

    [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
    /// The index of the oldest record that is left, and since when none is missing.
    [[nodiscard]] std::uint64_t oldest() const noexcept {
        return count_ > capacity ? count_ - capacity : 0;
    }
    [[nodiscard]] std::uint64_t since_ticks() const noexcept {
        return oldest() == 0 ? born_ticks_ : at(oldest()).ticks;
    }
    [[nodiscard]] const trace_record& at(std::uint64_t index) const noexcept {
        return records_[index % capacity];
    }
    [[nodiscard]] const std::string& text(std::uint32_t index) const { return texts_[index]; }

    std::mutex lock; ///< of the buffer that many threads share

private:
    std::uint64_t count_ = 0;
    trace_budget budget_;
    const std::uint64_t born_ticks_ = trace_ticks();
    std::unique_ptr<trace_record[]> records_;
    std::vector<std::string> texts_;
};

/// Whether this process has a trace; set before its first worker starts, cleared in forked
/// children.
inline std::atomic<bool> trace_is_open{false};

/// Who looks at coroutines that leave their workers. That of the trace is cleared in its pauses and
/// set again after them, that of the locks is only ever set.
inline std::atomic<std::uint8_t> switch_watchers{0};
inline constexpr std::uint8_t watched_for_trace = 1;
inline constexpr std::uint8_t watched_for_locks = 2;

/// Whether there is a trace, even if it pauses.
[[nodiscard]] inline bool has_trace() noexcept {
    // relaxed: started threads see it by their start, and what it leads to has locks of its own.
    return trace_is_open.load(std::memory_order_relaxed);
}

[[nodiscard]] inline bool tracing() noexcept {
    // relaxed: set before the first worker starts; a pause may be seen late (trace_pause.hpp).
    return (switch_watchers.load(std::memory_order_relaxed) & watched_for_trace) != 0;
}

/// In a forked child: the file and what was recorded are its parent's. Safe in a signal handler.
void forget_trace() noexcept;

[[nodiscard]] inline bool switches_watched() noexcept {
    return switch_watchers.load(std::memory_order_relaxed) != 0; // a switch may be missed at first
}

/// Only if switches_watched(): of the running coroutine, which parks or yields now.
COIR_COLD void watch_leaving(trace_event event, const coroutine& self,
                             std::uint8_t detail = 0) noexcept;

// Only while tracing():

/// Of the running coroutine.
COIR_COLD void trace_running(trace_event event, const coroutine& self,
                             std::uint8_t detail = 0) noexcept;
/// By whoever makes `woken` runnable, before it does.
COIR_COLD void trace_wake(const coroutine& woken) noexcept;
/// Of the worker itself.
COIR_COLD void trace_worker(worker& here, trace_event event, std::uint64_t coroutine,
                            std::uint64_t other) noexcept;
/// While there is a trace, even if it pauses.
COIR_COLD void trace_span_end(std::string_view name, std::uint64_t began_ticks) noexcept;

/// What threads that are no workers have recorded.
[[nodiscard]] trace_buffer& shared_trace();

} // namespace coir::detail
