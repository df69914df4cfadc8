// SPDX-License-Identifier: MIT
#include "sched/worker.hpp"

#include "base/check.hpp"
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

void requeue(worker& self, void* co) noexcept { self.ready_last(*static_cast<coroutine*>(co)); }

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

std::uint64_t worker::next_id() noexcept {
    if (next_id_ == last_id_) {
        constexpr std::uint64_t batch = 1024;
        next_id_ = take_coroutine_ids(batch);
        last_id_ = next_id_ + batch;
    }
    return next_id_++;
}

// --- The loop -------------------------------------------------------------------------------

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
    switch_away(loop_, &co);
    arrive();
}

coroutine* worker::find_work() noexcept {
    if (simulation_ != nullptr) [[unlikely]] {
        duties_in_ = 1; // so that the next switch comes here as well
        return simulation_->choose(*this);
    }
    for (;;) {
        do_duties();
        if (coroutine* const co = pick()) return co;
        counters_.vain_picks.add();
        take_injected(largest_batch);
        if (coroutine* const co = pick()) return co;
        counters_.vain_picks.add();
        if (!alone_) {
            if (coroutine* const co = search()) return co;
        }
        if (runtime_.stopped()) return nullptr;
        sleep();
    }
}

// What else a worker owes, between coroutines and before sleeping.
void worker::do_duties() noexcept {
    duties_in_ = turns_between_duties;
    mailbox_.run_all(*this);
    io_->poll();
    now_ns_ = monotonic_ns();
    end_due_trace_pause(now_ns_);
    if (timers_.earliest_ns() <= now_ns_) expire(timers_, now_ns_);
    // Not into a ring that is half full: they would only push others out again.
    if (!runtime_.injected().empty() && queue_.size() <= run_queue::capacity / 2) {
        take_injected(runtime_.injected().size() / runtime_.worker_count() + 1);
    }
    begin_oldest();
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
    if (!sees_work_elsewhere()) {
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

// --- The run queue and the next slot --------------------------------------------------------

coroutine* worker::pick() noexcept {
    // relaxed, a load and a store: only this thread writes it, the watchdog compares.
    turn_.store(turn_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    if (current_ != nullptr && --duties_in_ == 0) return nullptr; // to the loop: duties are due
    if (next_.load(std::memory_order_relaxed) != nullptr) {
        if (coroutine* const co = take_next()) {
            if (next_streak_++ < longest_next_streak) return co;
            next_streak_ = 0;
            coroutine* const other = take_queued();
            if (other == nullptr) return co;
            push_displaced(*co);
            return other;
        }
    }
    next_streak_ = 0;
    return take_queued();
}

// Those that have not begun first, so that trees grow in depth; but now and then one of the others.
coroutine* worker::take_queued() noexcept {
    if (fresh_streak_ < longest_fresh_streak) {
        if (coroutine* const co = pop_fresh()) {
            ++fresh_streak_;
            return co;
        }
    }
    fresh_streak_ = 0;
    if (coroutine* const co = pop()) return co;
    return pop_fresh();
}

coroutine* worker::take_next() noexcept {
    if (!alone_) return next_.exchange(nullptr, std::memory_order_acq_rel); // against rescue_from
    coroutine* const co = next_.load(std::memory_order_relaxed);
    next_.store(nullptr, std::memory_order_relaxed);
    return co;
}

coroutine* worker::pop() noexcept { return alone_ ? queue_.pop_alone() : queue_.pop(); }

coroutine* worker::pop_fresh() noexcept {
    return alone_ ? fresh_.pop_newest_alone() : fresh_.pop_newest();
}

void worker::push(coroutine& co) noexcept {
    if (!queue_.push(&co)) [[unlikely]]
        overflow(co, [this] { return pop(); });
}

// `co` gives up `next_`.
void worker::push_displaced(coroutine& co) noexcept {
    if (has_begun(co)) return push(co);
    if (!fresh_.push(&co)) [[unlikely]]
        overflow(co, [this] { return fresh_.take_oldest(); });
}

// Half of a full ring goes to the shared queue, oldest first, and `co` behind it.
template <typename TakeOldest>
void worker::overflow(coroutine& co, TakeOldest take_oldest) noexcept {
    coroutine* first = nullptr;
    coroutine* last = nullptr;
    std::size_t count = 0;
    const auto append = [&](coroutine& one) {
        (last != nullptr ? last->next_queued : first) = &one;
        last = &one;
        ++count;
    };
    while (count < largest_batch) {
        coroutine* const older = take_oldest();
        if (older == nullptr) break; // thieves were faster
        append(*older);
    }
    append(co);
    co.next_queued = nullptr;
    runtime_.injected().push_chain(*first, *last, count);
    runtime_.announce();
}

void worker::ready(coroutine& co) noexcept {
    if (current_ == nullptr) return ready_last(co); // from the loop: nothing is hot
    if (alone_) {
        coroutine* const before = next_.load(std::memory_order_relaxed);
        next_.store(&co, std::memory_order_relaxed);
        if (before != nullptr) push_displaced(*before);
        return;
    }
    // release: publishes the coroutine's record to whoever takes it out.
    coroutine* const before = next_.exchange(&co, std::memory_order_acq_rel);
    if (before != nullptr) {
        push_displaced(*before);
        runtime_.hint();
    } else {
        runtime_.watch();
    }
}

void worker::ready_last(coroutine& co) noexcept {
    push(co);
    if (!alone_) runtime_.hint();
}

void worker::post(remote_call& call) noexcept {
    const runtime_core::visit visiting{runtime_};
    mailbox_.post(call);
    io_->wake();
}

// --- Leaving --------------------------------------------------------------------------------

void worker::yield() noexcept {
    if (alone_ && !has_stealable() && !has_next() && duties_in_ > 1) {
        --duties_in_; // nobody else wants to run
        return;
    }
    if (switches_watched()) [[unlikely]]
        return yield_watched();
    leave({requeue, current_});
}

void worker::give_way() noexcept { leave({requeue, current_}); }

coroutine* worker::collect_one() noexcept {
    mailbox_.run_all(*this);
    io_->poll();
    if (has_next()) return take_next();
    if (coroutine* const co = fresh_.take_oldest()) return co;
    if (coroutine* const co = pop()) return co;
    return runtime_.injected().pop();
}

void worker::rest() noexcept {
    operations_left_ = operations_between_rests;
    if (current_ == nullptr || simulation_ != nullptr) return;
    duties_in_ = 1; // timers and completions have waited as well
    if (switches_watched()) [[unlikely]]
        return yield_watched();
    leave({requeue, current_});
}

void worker::yield_watched() noexcept {
    const coroutine& self = *current_;
    watch_leaving(trace_event::yielded, self);
    leave({requeue, current_});
    if (tracing()) trace_running(trace_event::went_on, self);
}

void worker::leave_for_good(after_switch after) noexcept {
    context& own = current_->flow;
    after_ = after;
    coroutine* const to = pick();
    current_ = to;
    *thread_exceptions_ = to != nullptr ? to->exceptions : exception_state{};
    context_exit(own, to != nullptr ? to->flow : loop_, this);
}

void schedule(coroutine& co) noexcept {
    if (tracing()) [[unlikely]]
        trace_wake(co);
    worker* const here = current_worker();
    if (here != nullptr && &here->runtime() == co.runtime) {
        here->ready(co);
    } else {
        co.runtime->inject(co);
    }
}

void schedule_last(coroutine& co) noexcept {
    if (tracing()) [[unlikely]]
        trace_wake(co);
    worker* const here = current_worker();
    if (here != nullptr && &here->runtime() == co.runtime) {
        here->ready_last(co);
    } else {
        co.runtime->inject(co);
    }
}

} // namespace coir::detail
