// SPDX-License-Identifier: MIT
#pragma once
// Owns one worker: the OS thread that runs coroutines, one after the other.
//
// Invariants
//   At most one coroutine runs on a worker (`current_`); null while the worker's own loop runs.
//   A coroutine is in at most one of: running, `next_`, a run queue, the injection queue, parked.
//   Nobody may resume a coroutine before its registers are saved. Whatever makes it reachable (the
//   unlock of a wait queue, the push into a run queue) therefore runs after the switch, on the
//   stack of whoever comes next: the `after_switch` action.
// Protocol
//   A parking coroutine switches straight to the next one. Only when there is none, or when the
//   worker's other duties are due (every `turns_between_duties` switches: timers, completions, the
//   injection queue, so that no amount of ready work starves them), it switches to the loop.
//   `next_` holds the coroutine that was made ready last: its data is hot, and a pair that talks
//   stays together. After three in a row the run queue gets its turn. A lone coroutine in `next_`
//   wakes nobody; if its waker goes on computing, the watchdog has it rescued.
//   Who loses `next_` to a newer one goes to the end of the run queue, or, before its first turn,
//   on top of those that have not begun (start_deque.hpp).

#include "base/random.hpp"
#include "fiber/context.hpp"
#include "fiber/exception_state.hpp"
#include "fiber/stack_pool.hpp"
#include "ring/poller.hpp"
#include "sched/coroutine.hpp"
#include "sched/mailbox.hpp"
#include "sched/run_queue.hpp"
#include "sched/simulated_scheduler.hpp"
#include "sched/start_deque.hpp"
#include "sched/this_worker.hpp"
#include "sched/trace.hpp"
#include "sched/worker_counters.hpp"
#include "timer/timer_heap.hpp"

#include <coir/detail/scheduling_point.hpp>

#include <sys/types.h>

#include <algorithm>
#include <cstdint>
#include <memory>

namespace coir::detail {

class runtime_core;

/// An operation on a worker's ring that belongs to no waiting coroutine, and so may outlive all.
struct worker_resident : list_links<worker_resident> {
    /// On the worker, which ends: the operation has to end soon.
    void (*evict)(worker_resident&, worker&) noexcept = nullptr;
};

/// Runs on the other side of a switch, when the coroutine that left can be resumed by anybody.
struct after_switch {
    void (*run)(worker&, void* argument) noexcept;
    void* argument;
};

class worker {
public:
    worker(runtime_core& runtime, std::size_t index);
    ~worker();
    worker(const worker&) = delete;
    worker& operator=(const worker&) = delete;

    /// The body of the worker's thread; returns when the runtime stops.
    void serve();

    /// Makes the poller; on the worker's thread, before serve(). Throws std::system_error.
    void open(io_backend backend);
    /// Instead: puts the worker under `scheduler`, which must outlive it; serve() then ends when
    /// that says so. See simulated_scheduler.hpp.
    void open_simulated(simulated_scheduler& scheduler);
    [[nodiscard]] simulated_scheduler* simulation() const noexcept { return simulation_; }
    /// For the simulated scheduler, on the loop: does what is posted, and takes one of those that
    /// were made ready, in order; null if there is none.
    coroutine* collect_one() noexcept;
    /// For the simulated scheduler: lets the others run, whatever there is.
    void give_way() noexcept;
    /// Sets what next_id() counts from.
    void restart_ids(std::uint64_t first) noexcept;

    [[nodiscard]] coroutine* current() const noexcept { return current_; }
    [[nodiscard]] runtime_core& runtime() const noexcept { return runtime_; }
    [[nodiscard]] std::size_t index() const noexcept { return index_; }
    /// Whether it is the only one of its runtime.
    [[nodiscard]] bool is_alone() const noexcept { return alone_; }
    [[nodiscard]] poller& io() noexcept { return *io_; }
    [[nodiscard]] timer_heap& timers() noexcept { return timers_; }
    [[nodiscard]] stack_magazine& stacks() noexcept { return stacks_; }
    [[nodiscard]] std::int64_t coarse_now_ns() const noexcept { return now_ns_; }
    [[nodiscard]] fast_random& random() noexcept { return random_; }
    /// Of the running coroutine.
    [[nodiscard]] unsigned int exceptions_in_flight() const noexcept {
        return thread_exceptions_->uncaught;
    }
    /// A number for a coroutine.
    std::uint64_t next_id() noexcept {
        if (!has_id_at_hand()) [[unlikely]]
            take_ids();
        return take_id_at_hand();
    }
    [[nodiscard]] bool has_id_at_hand() const noexcept { return next_id_ != last_id_; }
    std::uint64_t take_id_at_hand() noexcept { return next_id_++; }

    /// Leaves the running coroutine; `after` runs when it is gone. Returns when it is resumed, by
    /// then perhaps on another worker.
    void leave(after_switch after) noexcept {
        coroutine& self = *current_;
        after_ = after;
        self.exceptions = *thread_exceptions_;
        static_cast<worker*>(switch_away(self.flow, pick()))->arrive();
    }

    /// Leaves the running coroutine for good.
    [[noreturn]] void leave_for_good(after_switch after) noexcept;

    /// Lets the others run; the running coroutine goes to the end of the queue.
    void yield() noexcept;
    /// Counts an operation that may succeed without waiting. A loop of such operations would never
    /// let go of the worker; so now and then one of them gives way.
    void count_operation() noexcept {
        if (!spend_operation()) [[unlikely]]
            rest();
    }
    /// False: rest_if_due() is to be called.
    [[nodiscard]] bool spend_operation() noexcept { return --operations_left_ != 0; }
    void rest_if_due() noexcept {
        if (operations_left_ == 0) rest();
    }

    /// What a resumed coroutine does first; its first function too.
    void arrive() noexcept {
        const after_switch after = after_;
        after.run(*this, after.argument);
    }

    /// Makes a coroutine of this runtime runnable. By this worker's thread.
    void ready(coroutine& co) noexcept {
        if (!alone_ || current_ == nullptr) return ready_slowly(co);
        // relaxed: there are no thieves.
        coroutine* const before = next_.load(std::memory_order_relaxed);
        next_.store(&co, std::memory_order_relaxed);
        if (before != nullptr) push_displaced(*before);
    }
    /// As ready(), behind all that are runnable here: for the second and later of several.
    void ready_last(coroutine& co) noexcept;

    /// Has `call` run by this worker, soon. Any thread.
    void post(remote_call& call) noexcept;
    /// By this worker's thread, before the operation is submitted and when it has completed.
    void add_resident(worker_resident& one) noexcept { residents_.push_back(one); }
    void remove_resident(worker_resident& one) noexcept { residents_.remove(one); }
    /// How many operations of residents are under way that nobody waits for. Any thread.
    std::atomic<std::size_t> idle_residents{0};

    /// Ends the current or next sleep. Any thread.
    void wake() noexcept { io_->wake(); }
    void wake_if_open() noexcept {
        if (io_ != nullptr) io_->wake();
    }
    [[nodiscard]] worker_counters& counters() noexcept { return counters_; }
    /// Null unless COIR_TRACE is set.
    [[nodiscard]] trace_buffer* trace() const noexcept { return trace_.get(); }
    void open_trace() { trace_ = std::make_unique<trace_buffer>(); }

    [[nodiscard]] bool has_mail() const noexcept { return !mailbox_.empty(); }

    // For the watchdog and thieves; all but `turn` are hints.
    [[nodiscard]] std::uint64_t turn() const noexcept {
        return turn_.load(std::memory_order_relaxed);
    }
    /// How often it has switched to a coroutine; for reports.
    [[nodiscard]] std::uint64_t switches() const noexcept {
        const std::uint64_t turns = turn();
        return turns - std::min(turns, counters_.vain_picks.get()); // read while the owner counts
    }
    [[nodiscard]] bool has_stealable() const noexcept {
        return queue_.size() != 0 || fresh_.size() != 0;
    }
    [[nodiscard]] bool has_next() const noexcept {
        return next_.load(std::memory_order_relaxed) != nullptr;
    }
    /// Who seems to run here, for reports; read while the owner writes, so never looked through.
    [[nodiscard]] COIR_UNINSTRUMENTED coroutine* seen_running() const noexcept {
        return __atomic_load_n(&current_, __ATOMIC_RELAXED);
    }
    /// The worker's own flow as it was left for a coroutine; for reports, while nothing runs.
    [[nodiscard]] const context& suspended_loop() const noexcept { return loop_; }
    /// The thread that serves, 0 before and after.
    [[nodiscard]] pid_t thread() const noexcept { return thread_.load(std::memory_order_relaxed); }
    /// How many wait for this worker; for reports.
    [[nodiscard]] std::size_t runnable() const noexcept {
        return queue_.size() + fresh_.size() + (has_next() ? 1 : 0);
    }
    std::atomic<bool> stuck{false}; ///< set by the watchdog: others may take `next_` and due timers

private:
    static constexpr std::uint32_t turns_between_duties = 64;
    // Some 50 us of channel operations; a switch and a look at the clock are then lost in them.
    static constexpr std::uint32_t operations_between_rests = 4096;
    static constexpr std::size_t largest_batch = 128; ///< from and to the shared queue
    // How often in a row a pair that talks may go before the others; longer streaks are faster for
    // the pair and worse for all else (docs/performance.md, What was measured for the engine).
    static constexpr std::uint32_t longest_next_streak = 3;
    static constexpr std::uint32_t longest_fresh_streak = 15;

    void* switch_away(context& from, coroutine* to) noexcept {
        if (to != nullptr) [[likely]] {
            current_ = to;
            *thread_exceptions_ = to->exceptions;
            return context_switch(from, to->flow, this);
        }
        current_ = nullptr;
        *thread_exceptions_ = {};
        return context_switch(from, loop_, this);
    }

    COIR_NOINLINE void rest() noexcept;
    COIR_NOINLINE void take_ids() noexcept;
    coroutine* pick() noexcept;
    coroutine* take_next() noexcept;
    coroutine* pop() noexcept;
    COIR_COLD void yield_watched() noexcept;
    COIR_NOINLINE void ready_slowly(coroutine& co) noexcept;
    void push(coroutine& co) noexcept;
    coroutine* take_queued() noexcept;
    coroutine* pop_fresh() noexcept;
    COIR_NOINLINE void push_displaced(coroutine& co) noexcept;
    /// A coroutine that has never waited, and was made ready, is about to begin.
    static bool has_begun(const coroutine& co) noexcept {
        return co.word.load(std::memory_order_relaxed) != 0;
    }
    template <typename TakeOldest>
    COIR_NOINLINE void overflow(coroutine& co, TakeOldest take_oldest) noexcept;

    void resume(coroutine& co) noexcept;
    coroutine* find_work() noexcept;
    coroutine* find_elsewhere() noexcept;
    void do_duties(bool looked) noexcept;
    /// If so many wait here, for one that sleeps.
    void call_for_help(std::size_t least) noexcept;
    /// Fires what is due in a heap, this worker's or that of one that is stuck.
    void expire(timer_heap& timers, std::int64_t now_ns) noexcept;
    void take_injected(std::size_t most) noexcept;
    void begin_oldest() noexcept;
    coroutine* search() noexcept;
    coroutine* steal() noexcept;
    coroutine* steal_fresh_from(worker& victim) noexcept;
    coroutine* rescue_from(worker& victim) noexcept;
    void end_search() noexcept;
    void sleep() noexcept;
    [[nodiscard]] bool sees_work_elsewhere() noexcept;
    [[nodiscard]] std::int64_t next_trim_ns() noexcept;
    void evict_residents() noexcept;

    runtime_core& runtime_;
    const std::size_t index_;
    const bool alone_; ///< the only worker: nobody steals
    simulated_scheduler* simulation_ = nullptr;
    bool searching_ = false;
    bool ran_since_sleep_ = false;
    std::uint32_t duties_in_ = turns_between_duties;
    std::uint32_t operations_left_ = operations_between_rests;
    std::uint32_t next_streak_ = 0;
    std::uint32_t fresh_streak_ = 0;
    coroutine* current_ = nullptr;
    std::unique_ptr<trace_buffer> trace_;
    exception_state* thread_exceptions_ = nullptr;
    after_switch after_{};
    std::atomic<coroutine*> next_{nullptr};
    std::atomic<std::uint64_t> turn_{0};
    std::atomic<pid_t> thread_{0};
    std::int64_t now_ns_ = 0;
    std::int64_t trim_at_ns_ = INT64_MAX;    ///< when idle stacks give their pages back
    std::int64_t oldest_due_ns_ = INT64_MAX; ///< when the oldest that has not begun gets its turn
    std::uint64_t next_id_ = 0;
    std::uint64_t last_id_ = 0;
    context loop_;
    fast_random random_;
    stack_magazine stacks_;
    std::unique_ptr<poller> io_;
    mailbox mailbox_;
    intrusive_list<worker_resident> residents_;
    run_queue queue_;
    start_deque fresh_;
    timer_heap& timers_;
    worker_counters counters_;
};

/// The running coroutine, or null in a thread that is no worker.
inline coroutine* current_coroutine() noexcept {
    const worker* const w = current_worker();
    return w == nullptr ? nullptr : w->current();
}

/// At the start of an operation, where no lock of coir is held.
inline void count_operation() noexcept {
    if (worker* const here = current_worker()) here->count_operation();
}

/// At the start of an operation, where no lock of coir is held: count_operation() and
/// scheduling_point() without a call. False where there is something to be done about it first, by
/// pause_before().
[[nodiscard]] inline bool operation_goes_on() noexcept {
    // relaxed: as in scheduling_point().
    if (simulations_under_way.load(std::memory_order_relaxed) != 0) return false;
    worker* const here = current_worker();
    return here == nullptr || here->spend_operation();
}
COIR_COLD void pause_before(step next, const void* object) noexcept;

/// schedule() where it is more than a worker's ready().
COIR_NOINLINE void schedule_slowly(coroutine& co) noexcept;

/// Makes a parked coroutine runnable. Any thread.
inline void schedule(coroutine& co) noexcept {
    worker* const here = current_worker();
    if (here != nullptr && &here->runtime() == co.runtime && !tracing()) [[likely]] {
        here->ready(co);
    } else {
        schedule_slowly(co);
    }
}
/// As schedule(), but behind what is runnable already.
void schedule_last(coroutine& co) noexcept;

} // namespace coir::detail
