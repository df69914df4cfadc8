// SPDX-License-Identifier: MIT
// Owns who runs next on a worker: what those that are ready go into, what they come out of, and how
// the running coroutine leaves.

#include "sched/runtime_core.hpp"
#include "sched/worker.hpp"

namespace coir::detail {
namespace {

void requeue(worker& self, void* co) noexcept { self.ready_last(*static_cast<coroutine*>(co)); }

} // namespace

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

void worker::ready_slowly(coroutine& co) noexcept {
    if (current_ == nullptr) return ready_last(co); // from the loop: nothing is hot
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
    // From the loop there will be more of them; do_duties() looks at what they have come to.
    if (!alone_ && current_ != nullptr) runtime_.hint();
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

void pause_before(step next, const void* object) noexcept {
    scheduling_point(next, object);
    if (worker* const here = current_worker()) here->rest_if_due();
}

void schedule_slowly(coroutine& co) noexcept {
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
