// SPDX-License-Identifier: MIT
#include "sched/runtime_core.hpp"

#include "base/asymmetric_fence.hpp"
#include "base/check.hpp"
#include "base/own_thread.hpp"
#include "sched/deadlock.hpp"
#include "sched/fork.hpp"
#include "sched/overflow_description.hpp"
#include "sched/reports.hpp"
#include "sched/signal_mask.hpp"
#include "timer/clock.hpp"

#include <algorithm>
#include <array>
#include <future>
#include <string>

namespace coir::detail {
namespace {

std::atomic<std::uint64_t> next_coroutine_id{1};

} // namespace

std::uint64_t take_coroutine_ids(std::uint64_t count) noexcept {
    return next_coroutine_id.fetch_add(count, std::memory_order_relaxed); // only unique
}

runtime_core::runtime_core(const runtime_options& settings)
    : settings_{std::make_shared<const runtime_options>(settings)},
      process_generation_{watch_for_fork()}, idle_{settings.workers},
      blocking_{settings.max_blocking_threads}, watchdog_{*this}, busy_watch_{*this} {
    register_heavy_fence();
    describe_overflows();
    own_session_ = &begin_session();
    for (std::size_t i = 0; i < settings_->workers; ++i) {
        workers_.push_back(std::make_unique<worker>(*this, i));
    }
    if (has_trace()) {
        for (const auto& one : workers_) one->open_trace();
    }
    try {
        io_backend backend = settings_->io;
        for (std::size_t i = 0; i < settings_->workers; ++i) {
            start_worker(i, backend);
            backend = workers_[0]->io().name() == std::string_view{"epoll"} ? io_backend::epoll
                                                                            : io_backend::uring;
        }
        if (settings_->workers > 1) watchdog_.start();
        if (settings_->busy_limit.count() != 0) busy_watch_.start();
        if (settings_->dump_on_sigquit) begin_quit_dumps();
        dumps_on_quit_ = settings_->dump_on_sigquit;
    } catch (...) {
        stop();
        throw;
    }
    register_runtime(*this);
}

// Not registered: when a simulation is deadlocked is for the simulation to say.
runtime_core::runtime_core(const runtime_options& settings, simulated_scheduler& scheduler)
    : settings_{std::make_shared<const runtime_options>(settings)},
      process_generation_{watch_for_fork()}, idle_{1}, blocking_{settings.max_blocking_threads},
      watchdog_{*this}, busy_watch_{*this} {
    COIR_CHECK(settings.workers == 1, "a simulation has one worker");
    register_heavy_fence();
    describe_overflows();
    own_session_ = &begin_session();
    workers_.push_back(std::make_unique<worker>(*this, 0));
    workers_[0]->open_simulated(scheduler);
}

namespace {

// Coroutines that have ended live on as long as somebody holds their results.
void outlive(coroutine& co, void* ending) {
    auto& runtime = *static_cast<runtime_core*>(ending);
    const std::lock_guard guard{co.join_lock};
    if (co.runtime != &runtime) return;
    co.late_settings = runtime.shared_settings();
    if (co.own_stack_bytes == 0) co.own_stack_bytes = co.session->stack_bytes; // which ends too
    co.runtime = nullptr;
    // relaxed: whoever frees it sees this by the pin that the caller has.
    co.special.store(true, std::memory_order_relaxed);
}

} // namespace

runtime_core::~runtime_core() {
    keep_counts(*this);
    unregister_runtime(*this);
    stop();
    if (has_trace() && !belongs_to_parent_process()) write_trace(*this);
    for_each_coroutine(outlive, this);
}

// Returns when the worker has its poller, so that a refusal is thrown by the constructor, and so
// that `automatic` is decided once, by the first.
void runtime_core::start_worker(std::size_t index, io_backend backend) {
    std::promise<void> opened;
    std::future<void> outcome = opened.get_future();
    const worker_signal_mask mask; // inherited by the thread
    threads_.emplace_back([this, index, backend, &opened] {
        const own_thread registered{("coir-w" + std::to_string(index)).c_str()};
        try {
            workers_[index]->open(backend);
        } catch (...) {
            opened.set_exception(std::current_exception());
            return;
        }
        opened.set_value();
        workers_[index]->serve();
    });
    outcome.get();
}

void runtime_core::stop() noexcept {
    if (belongs_to_parent_process()) { // its threads do not exist in this process
        for (std::thread& thread : threads_) let_go_of_parents(thread);
        for (auto& one : workers_) static_cast<void>(one.release());
        watchdog_.abandon();
        busy_watch_.abandon();
        blocking_.abandon();
        return;
    }
    if (dumps_on_quit_) end_quit_dumps();
    busy_watch_.stop();
    watchdog_.stop();
    blocking_.stop();
    // acquire: pairs with ~visit. They are on their way out; none comes in any more.
    while (visitors_.load(std::memory_order_acquire) != 0) std::this_thread::yield();
    // seq_cst: pairs with the fence of worker::sleep, as the push of announce() does.
    stopped_.store(true, std::memory_order_seq_cst);
    for (std::size_t i = 0; i < threads_.size(); ++i) workers_[i]->wake_if_open();
    for (std::thread& thread : threads_) thread.join();
}

bool runtime_core::belongs_to_parent_process() const noexcept {
    return process_generation_ != process_generation();
}

void runtime_core::inject(coroutine& co) noexcept {
    if (belongs_to_parent_process()) [[unlikely]]
        fatal(used_after_fork);
    const visit visiting{*this};
    injected_.push(co);
    announce();
}

void runtime_core::wake_one() noexcept {
    worker* const sleeper = idle_.take_sleeper();
    if (sleeper == nullptr) return;
    wakes_sent_.fetch_add(1, std::memory_order_relaxed); // little beside the system call
    sleeper->wake();
}

bool runtime_core::quiescent() noexcept {
    if (idle_.sleeping() != worker_count() || !injected_.empty() || blocking_.busy()) return false;
    for (const auto& one : workers_) {
        // relaxed: whoever changes it runs, so this is looked at again.
        const std::size_t idle = one->idle_residents.load(std::memory_order_relaxed);
        if (one->io().in_flight() > idle || one->timers().busy() || one->has_next() ||
            one->has_stealable() || one->has_mail()) {
            return false;
        }
    }
    return true;
}

// A look costs a walk over /proc, and programs fall quiet often: so only after a while of quiet,
// and ever less often.
std::int64_t runtime_core::look_for_deadlock(bool was_active) noexcept {
    constexpr std::int64_t millisecond_ns = 1'000'000;
    constexpr std::array pauses_ns{20 * millisecond_ns, 100 * millisecond_ns,
                                   1000 * millisecond_ns};
    if (settings_->on_deadlock == deadlock_action::off || !quiescent()) return INT64_MAX;
    // relaxed: a pace, nothing hangs on it.
    if (was_active) quiet_looks_.store(0, std::memory_order_relaxed);
    const std::uint32_t looks = quiet_looks_.load(std::memory_order_relaxed);
    if (looks != 0 && report_deadlock() == deadlock_verdict::reported) return INT64_MAX;
    const std::size_t next = std::min<std::size_t>(looks, pauses_ns.size() - 1);
    quiet_looks_.store(static_cast<std::uint32_t>(next) + 1, std::memory_order_relaxed);
    return monotonic_ns() + pauses_ns[next];
}

run_session& runtime_core::begin_session() {
    const std::lock_guard guard{sessions_lock_};
    if (!free_sessions_.empty()) {
        run_session& session = *free_sessions_.back();
        free_sessions_.pop_back();
        session.stopping.store(false, std::memory_order_relaxed); // nobody is in it
        return session;
    }
    free_sessions_.reserve(sessions_.size() + 1); // so that end_session cannot fail
    sessions_.push_back(std::make_unique<run_session>(worker_count(), settings_->stack_size));
    return *sessions_.back();
}

void runtime_core::end_session(run_session& session) noexcept {
    const std::lock_guard guard{sessions_lock_};
    free_sessions_.push_back(&session);
}

int runtime_core::awaited_sessions() {
    const std::lock_guard guard{sessions_lock_};
    return static_cast<int>(std::ranges::count_if(sessions_, [](const auto& session) {
        return session->awaited.load(std::memory_order_acquire) && session->alive() != 0;
    }));
}

runtime_core::coroutine_counts runtime_core::count_coroutines() {
    const std::lock_guard guard{sessions_lock_};
    coroutine_counts sum;
    for (const auto& session : sessions_) session->add_to(sum.started, sum.ended);
    return sum;
}

bool runtime_core::any_alive() {
    const std::lock_guard guard{sessions_lock_};
    return std::ranges::any_of(sessions_,
                               [](const auto& session) { return session->alive() != 0; });
}

} // namespace coir::detail
