// SPDX-License-Identifier: MIT
#include "sched/worker.hpp"

#include "fiber/stack_overflow.hpp"
#include "sched/runtime_core.hpp"
#include "timer/clock.hpp"
#include "timer/heap_supply.hpp"

#include <unistd.h>

#include <algorithm>
#include <utility>

// Named for the assembly in current_worker().
extern "C" {
[[gnu::visibility("hidden"),
  gnu::used]] constinit thread_local coir::detail::worker* coir_this_thread_worker = nullptr;
}

namespace coir::detail {
namespace {

void nothing(worker&, void*) noexcept {}

// Who comes from the shared queue has been there for long: its record, its pins and the frames that
// it will begin in have left the caches. All of these lines or none: what is spared at one of them
// is lost at the next (a million at once, each: 380 ns with any half of them, 260 with all).
void fetch_early(const coroutine& co) noexcept {
    constexpr std::ptrdiff_t line_bytes = 64;
    constexpr std::ptrdiff_t first_frames_bytes = 4 * line_bytes;
    constexpr auto record_bytes = static_cast<std::ptrdiff_t>(sizeof(coroutine) + pin_bytes);
    const char* const record = reinterpret_cast<const char*>(&co);
    for (std::ptrdiff_t at = -first_frames_bytes; at < record_bytes; at += line_bytes)
        __builtin_prefetch(record + at, 1);
}

} // namespace

#if !(defined(__x86_64__) && defined(__LP64__))
worker* current_worker() noexcept {
    // The asm keeps compilers from proving this function pure and merging two calls of it.
    asm volatile("" ::: "memory");
    return coir_this_thread_worker;
}
#endif

void forget_current_worker() noexcept { coir_this_thread_worker = nullptr; }

worker::worker(runtime_core& runtime, std::size_t index)
    : runtime_{runtime}, index_{index}, alone_{runtime.worker_count() == 1},
      random_{0x9e3779b97f4a7c15ULL * (index + 1)}, stacks_{stack_depot::instance()},
      timers_{borrow_timer_heap()} {}

worker::~worker() { return_timer_heap(timers_); }

void worker::open(io_backend backend) { io_ = make_poller(backend); }

void worker::open_simulated(simulated_scheduler& scheduler) {
    io_ = scheduler.make_poller(*this);
    simulation_ = &scheduler;
}

void worker::restart_ids(std::uint64_t first) noexcept {
    next_id_ = first;
    last_id_ = UINT64_MAX;
}

void worker::take_ids() noexcept {
    constexpr std::uint64_t batch = 1024;
    next_id_ = take_coroutine_ids(batch);
    last_id_ = next_id_ + batch;
}

void worker::serve() {
    coir_this_thread_worker = this;
    thread_.store(::gettid(), std::memory_order_relaxed);
    thread_exceptions_ = &thread_exception_state();
    const overflow_guard_thread overflow_guard;
    context_adopt_thread(loop_);
    while (coroutine* const co = find_work()) {
        if (searching_) end_search();
        resume(*co);
    }
    mailbox_.run_all(*this); // posted between the last look and the end: calls may own themselves
    evict_residents();
    coir_this_thread_worker = nullptr;
    thread_.store(0, std::memory_order_relaxed);
    // Timers that outlive the runtime: fired too early, or on no worker, they move to the timer
    // thread. Which may take another round for those that are due and start again.
    while (timers_.size() != 0) timers_.expire(never_ns - 1);
}

void worker::evict_residents() noexcept {
    for (worker_resident* one = residents_.front(); one != nullptr; one = residents_.after(*one)) {
        one->evict(*one, *this);
    }
    while (!residents_.empty()) {
        mailbox_.run_all(*this);
        io_->wait(never_ns);
    }
}

void worker::resume(coroutine& co) noexcept {
    after_ = {nothing, nullptr};
    ran_since_sleep_ = true;
    if (!alone_) runtime_.watch(); // whatever becomes due or ready here waits for this one
    switch_away(loop_, &co);
    arrive();
}

coroutine* worker::find_work() noexcept {
    if (simulation_ != nullptr) [[unlikely]] {
        duties_in_ = 1; // so that the next switch comes here as well
        return simulation_->choose(*this);
    }
    for (bool looked = false;; looked = true) {
        do_duties(looked);
        if (coroutine* const co = pick()) return co;
        counters_.vain_picks.add();
        if (coroutine* const co = find_elsewhere()) {
            io_->poll(); // do_duties() has left it to sleep()
            call_for_help(1);
            return co;
        }
        if (runtime_.stopped()) return nullptr;
        sleep();
    }
}

coroutine* worker::find_elsewhere() noexcept {
    take_injected(largest_batch);
    if (coroutine* const co = pick()) return co;
    counters_.vain_picks.add();
    return alone_ ? nullptr : search();
}

// What else a worker owes, between coroutines and before sleeping. `looked`: at what has completed.
void worker::do_duties(bool looked) noexcept {
    duties_in_ = turns_between_duties;
    if (mailbox_.run_all(*this)) looked = false; // it may have cancelled operations
    now_ns_ = monotonic_ns();
    const bool idle = runnable() == 0 && timers_.earliest_ns() > now_ns_;
    if (looked) {
        io_->flush();   // what the completions have started
    } else if (!idle) { // else sleep() is next, and does it by the same system call
        io_->poll();    // before the timers: what has come in time is not late
    }
    end_due_trace_pause(now_ns_);
    if (timers_.earliest_ns() <= now_ns_) expire(timers_, now_ns_);
    // Not into a ring that is half full: they would only push others out again.
    if (!runtime_.injected().empty() && queue_.size() <= run_queue::capacity / 2) {
        take_injected(runtime_.injected().size() / runtime_.worker_count() + 1);
    }
    if (idle && runnable() != 0) io_->poll(); // no sleep, after all
    begin_oldest();
    call_for_help(2); // the first of them is run here and now
}

void worker::call_for_help(std::size_t least) noexcept {
    if (!alone_ && runnable() >= least) runtime_.hint();
}

void worker::expire(timer_heap& timers, std::int64_t now_ns) noexcept {
    const std::size_t count = timers.expire(now_ns);
    if (tracing()) trace_worker(*this, trace_event::expired, 0, count);
}

// Newest first alone would let the oldest wait for as long as there are newer ones.
void worker::begin_oldest() noexcept {
    constexpr std::int64_t patience_ns = 10'000'000; // each one that begins may make ten more
    if (fresh_.size() == 0) {
        oldest_due_ns_ = never_ns;
    } else if (oldest_due_ns_ == never_ns) {
        oldest_due_ns_ = now_ns_ + patience_ns;
    } else if (now_ns_ >= oldest_due_ns_) {
        oldest_due_ns_ = now_ns_ + patience_ns;
        if (coroutine* const co = fresh_.take_oldest()) push(*co);
    }
}

void worker::take_injected(std::size_t most) noexcept {
    most = std::min(most, largest_batch);
    for (std::size_t i = 0; i < most; ++i) {
        coroutine* const co = runtime_.injected().pop();
        if (co == nullptr) return;
        fetch_early(*co);
        push(*co);
    }
}

// Looks at what has completed, in any case.
void worker::sleep() noexcept {
    idle_workers& idle = runtime_.idle();
    idle.enter_sleep(*this);
    if (searching_) {
        searching_ = false;
        idle.end_search();
    }
    std::atomic_thread_fence(std::memory_order_seq_cst); // partner: runtime_core::announce
    // While others run, what waits behind them for too long is our business: see watchdog.hpp.
    if (!alone_ && idle.sleeping() != runtime_.worker_count()) runtime_.watch();
    if (sees_work_elsewhere()) {
        io_->poll();
    } else {
        const bool was_active = std::exchange(ran_since_sleep_, false);
        const std::int64_t look_ns = runtime_.look_for_deadlock(was_active);
        const std::int64_t pause_ns = trace_pause_ends_ns.load(std::memory_order_relaxed);
        io_->wait(std::min({timers_.earliest_ns(), look_ns, next_trim_ns(), pause_ns}));
    }
    searching_ = idle.leave_sleep(*this);
}

// After a burst of coroutines the stacks stay warm for a second, in case there is another one; then
// a worker that has nothing to do gives their pages back.
std::int64_t worker::next_trim_ns() noexcept {
    constexpr std::int64_t patience_ns = 1'000'000'000;
    stack_depot& depot = stack_depot::instance();
    if (!depot.has_surplus()) return trim_at_ns_ = never_ns;
    if (trim_at_ns_ == never_ns) return trim_at_ns_ = now_ns_ + patience_ns;
    if (now_ns_ < trim_at_ns_) return trim_at_ns_;
    depot.trim();
    return trim_at_ns_ = never_ns;
}

bool worker::sees_work_elsewhere() noexcept {
    if (runtime_.stopped() || !mailbox_.empty() || !runtime_.injected().empty()) return true;
    if (alone_) return false;
    for (std::size_t i = 0; i < runtime_.worker_count(); ++i) {
        if (runtime_.worker_at(i).has_stealable()) return true;
    }
    return false;
}

} // namespace coir::detail
