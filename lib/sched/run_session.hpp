// SPDX-License-Identifier: MIT
#pragma once
// Owns the count of the coroutines that one call of `run` has started, directly or not.
//
// A coroutine belongs to the session of whoever started it, so that the end of one `run` ends its
// own coroutines and not those of another `run`, or of `runtime::go`, on the same runtime.
//
// Protocol: each worker counts on a stripe of its own, without read-modify-writes. The end of run
// sets `stopping`, fences heavily, then sums; a coroutine's end counts, fences lightly, then reads
// `stopping`: one of the two sees the other, so the last end is never missed.
// Sessions are recycled and never freed before the runtime: a late reader reads valid memory.

#include "base/asymmetric_fence.hpp"
#include "base/cache_line.hpp"
#include "base/futex.hpp"

#include <coir/detail/config.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace coir::detail {

struct run_session {
    struct alignas(cache_line_bytes) stripe {
        std::atomic<std::uint64_t> started{0};
        std::atomic<std::uint64_t> ended{0};
    };

    run_session(std::size_t workers, std::size_t usual_stack_bytes)
        : stripe_count{workers + 1}, stack_bytes{usual_stack_bytes},
          stripes{std::make_unique<stripe[]>(workers + 1)} {}

    /// By the worker with this index.
    void count_start(std::size_t index) noexcept { count(stripes[index].started); }
    /// By any other thread.
    void count_start_elsewhere() noexcept {
        // release: as in count().
        stripes[stripe_count - 1].started.fetch_add(1, std::memory_order_release);
    }

    /// By the worker with this index.
    void count_end(std::size_t index) noexcept {
        count(stripes[index].ended);
        light_fence(); // store `ended`, load `stopping`: partner in wait_until_empty
        if (stopping.load(std::memory_order_relaxed)) [[unlikely]]
            announce_end();
    }

    /// Zero only if there was a moment at which none was alive: ends are summed before starts.
    [[nodiscard]] std::uint64_t alive() const noexcept {
        std::uint64_t ended = 0;
        std::uint64_t started = 0;
        // acquire pairs with count()'s release: who is counted as ended was counted as started.
        for (std::size_t i = 0; i < stripe_count; ++i) {
            ended += stripes[i].ended.load(std::memory_order_acquire);
        }
        for (std::size_t i = 0; i < stripe_count; ++i) {
            started += stripes[i].started.load(std::memory_order_acquire);
        }
        return started - ended;
    }

    /// Adds how many have ever started and ended, counted in that order of reading as alive().
    void add_to(std::uint64_t& started, std::uint64_t& ended) const noexcept {
        for (std::size_t i = 0; i < stripe_count; ++i) {
            ended += stripes[i].ended.load(std::memory_order_acquire);
        }
        for (std::size_t i = 0; i < stripe_count; ++i) {
            started += stripes[i].started.load(std::memory_order_acquire);
        }
    }

    /// Blocks the calling OS thread until every coroutine of the session has ended.
    void wait_until_empty() noexcept {
        stopping.store(true, std::memory_order_seq_cst);
        heavy_fence(); // partner: count_end
        awaited.store(true, std::memory_order_release);
        for (;;) {
            const std::uint32_t seen = ends.load(std::memory_order_acquire);
            if (alive() == 0) break;
            futex_wait(ends, seen, INT64_MAX);
        }
        awaited.store(false, std::memory_order_release);
    }

    const std::size_t stripe_count;
    const std::size_t stack_bytes; ///< of a coroutine for which nobody asked for another size
    std::unique_ptr<stripe[]> stripes;
    std::atomic<bool> stopping{false};
    std::atomic<bool> awaited{false};   ///< a thread is in wait_until_empty; for report_deadlock
    std::atomic<std::uint32_t> ends{0}; ///< futex; moves when the last one ends while stopping

private:
    // relaxed: only this worker writes it. release: pairs with the acquire in alive().
    static void count(std::atomic<std::uint64_t>& counter) noexcept {
        counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    }

    // Only the last one needs to wake anybody. Two that end at the same time: store `ended`, load
    // the other's; each is the other's partner, so at least one of them sees that none is left.
    COIR_COLD void announce_end() noexcept {
        std::atomic_thread_fence(std::memory_order_seq_cst);
        if (alive() != 0) return;
        ends.fetch_add(1, std::memory_order_release);
        futex_wake(ends, 1);
    }
};

} // namespace coir::detail
