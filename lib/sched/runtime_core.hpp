// SPDX-License-Identifier: MIT
#pragma once
// Owns one runtime: its workers, its shared queue, its sessions, its beginning and its end.

#include "base/futex.hpp"
#include "sched/blocking_pool.hpp"
#include "sched/busy_watch.hpp"
#include "sched/idle.hpp"
#include "sched/injection_queue.hpp"
#include "sched/run_session.hpp"
#include "sched/signal_mask.hpp"
#include "sched/watchdog.hpp"
#include "sched/worker.hpp"

#include <coir/runtime_options.hpp>

#include <atomic>
#include <csignal>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace coir::detail {

class runtime_core {
public:
    /// Starts the workers; `settings` as from resolve_settings(). Throws std::system_error.
    explicit runtime_core(const runtime_options& settings);
    /// One worker, which is to be served by the caller, under `scheduler`; no threads.
    runtime_core(const runtime_options& settings, simulated_scheduler& scheduler);
    runtime_core(const runtime_core&) = delete;
    runtime_core& operator=(const runtime_core&) = delete;
    /// No coroutine may be alive. Joins the workers.
    ~runtime_core();

    [[nodiscard]] const runtime_options& settings() const noexcept { return *settings_; }
    [[nodiscard]] std::shared_ptr<const runtime_options> shared_settings() const noexcept {
        return settings_;
    }
    [[nodiscard]] std::size_t worker_count() const noexcept { return settings_->workers; }
    [[nodiscard]] worker& worker_at(std::size_t index) noexcept { return *workers_[index]; }
    [[nodiscard]] idle_workers& idle() noexcept { return idle_; }
    [[nodiscard]] injection_queue& injected() noexcept { return injected_; }
    [[nodiscard]] blocking_pool& blocking() noexcept { return blocking_; }
    /// The signal mask of the thread that made the runtime: what children should start with.
    [[nodiscard]] const sigset_t& original_signal_mask() const noexcept {
        return original_signal_mask_;
    }
    [[nodiscard]] bool stopped() const noexcept { return stopped_.load(std::memory_order_acquire); }

    /// Makes a coroutine runnable from outside the workers.
    void inject(coroutine& co) noexcept;

    /// Held by a thread that is no worker of this runtime while it wakes somebody: what it wakes
    /// may end, and with it the whole runtime, before the thread is out of here.
    class visit {
    public:
        explicit visit(runtime_core& visited) noexcept : visited_{visited} {
            visited_.visitors_.fetch_add(1, std::memory_order_relaxed); // the runtime is alive yet
        }
        visit(const visit&) = delete;
        visit& operator=(const visit&) = delete;
        // release: pairs with the destructor's acquire; the visitor is done with everything.
        ~visit() { visited_.visitors_.fetch_sub(1, std::memory_order_release); }

    private:
        runtime_core& visited_;
    };

    /// Sees to it that what was put into the shared queue is taken: see idle.hpp.
    void announce() noexcept {
        std::atomic_thread_fence(std::memory_order_seq_cst); // partner: worker::sleep
        hint();
    }
    /// Wakes a worker if one sleeps and none searches; may miss a worker that just falls asleep.
    void hint() noexcept {
        if (idle_.wants_wake()) wake_one();
    }
    void wake_one() noexcept;
    /// A lone coroutine waits behind the one that runs: let the watchdog keep an eye on it.
    void watch() noexcept {
        if (idle_.sleeping() != 0) watchdog_.arm();
    }

    /// For a worker that falls asleep: when to wake up for another look, INT64_MAX for never.
    /// Reports a deadlock when there is one. `was_active`: it has run something since its last
    /// sleep.
    std::int64_t look_for_deadlock(bool was_active) noexcept;
    /// Nothing runs, is queued, or is under way that could make something run.
    [[nodiscard]] bool quiescent() noexcept;

    /// The session of coroutines started through `runtime::go`.
    [[nodiscard]] run_session& own_session() noexcept { return *own_session_; }
    run_session& begin_session();
    /// Takes a session back whose coroutines have all ended.
    void end_session(run_session& session) noexcept;

    struct coroutine_counts {
        std::uint64_t started = 0;
        std::uint64_t ended = 0;
    };
    [[nodiscard]] coroutine_counts count_coroutines();
    /// How many times a sleeping worker was woken.
    [[nodiscard]] std::uint64_t wakes_sent() const noexcept {
        return wakes_sent_.load(std::memory_order_relaxed); // a figure
    }

    /// Whether any coroutine of this runtime has not ended.
    [[nodiscard]] bool any_alive();
    /// How many threads wait for the end of a session whose coroutines have not all ended.
    [[nodiscard]] int awaited_sessions();

    /// How many threads are inside `run` of this runtime.
    std::atomic<int> active_runs{0};

    /// Told apart from the process that made it: see fork.hpp.
    [[nodiscard]] bool belongs_to_parent_process() const noexcept;

private:
    void start_worker(std::size_t index, io_backend backend);
    void stop() noexcept;

    const std::shared_ptr<const runtime_options> settings_;
    const unsigned process_generation_;
    const sigset_t original_signal_mask_ = current_signal_mask();
    idle_workers idle_;
    injection_queue injected_;
    std::vector<std::unique_ptr<worker>> workers_;
    std::vector<std::thread> threads_;
    std::atomic<bool> stopped_{false};
    std::atomic<std::uint64_t> wakes_sent_{0};
    std::atomic<std::uint32_t> visitors_{0};
    std::atomic<std::uint32_t> quiet_looks_{0};
    blocking_pool blocking_;
    watchdog watchdog_;
    busy_watch busy_watch_;
    bool dumps_on_quit_ = false;
    std::mutex sessions_lock_;
    std::vector<std::unique_ptr<run_session>> sessions_;
    std::vector<run_session*> free_sessions_;
    run_session* own_session_ = nullptr;
};

/// The next `count` coroutine ids of the process; the first is returned.
std::uint64_t take_coroutine_ids(std::uint64_t count) noexcept;

} // namespace coir::detail
