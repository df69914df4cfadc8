// SPDX-License-Identifier: MIT
#include "testing/simulation.hpp"

#include "fiber/exception_state.hpp"
#include "sched/settings.hpp"
#include "timer/clock.hpp"

#include <coir/cancelled.hpp>
#include <coir/task.hpp>

#include <algorithm>
#include <mutex>

namespace coir::detail {
namespace {

// Long enough after zero that nobody computes a time before the clock's beginning.
constexpr std::int64_t start_ns = 3'600'000'000'000;
constexpr std::uint64_t steps_to_drain = 100'000;
constexpr std::uint64_t steps_between_cancellations = 10'000;
constexpr std::size_t shown_steps = 60;

/// While it lives, the calling thread is a simulation's.
class simulated_thread {
public:
    explicit simulated_thread(const std::int64_t* now_ns) noexcept
        : exceptions_{thread_exception_state()} {
        simulations_under_way.fetch_add(1, std::memory_order_relaxed);
        set_virtual_clock(now_ns);
    }
    simulated_thread(const simulated_thread&) = delete;
    simulated_thread& operator=(const simulated_thread&) = delete;
    ~simulated_thread() {
        set_virtual_clock(nullptr);
        simulations_under_way.fetch_sub(1, std::memory_order_relaxed);
        thread_exception_state() = exceptions_; // the caller may stand in a handler
    }

private:
    const exception_state exceptions_;
};

// What cannot be ended may still be pointed at from anywhere.
void keep_for_good(std::unique_ptr<runtime_core> core) {
    static std::mutex lock;
    static auto* const kept = new std::vector<std::unique_ptr<runtime_core>>;
    const std::lock_guard guard{lock};
    kept->push_back(std::move(core));
}

std::string describe(const std::exception_ptr& thrown) {
    try {
        std::rethrow_exception(thrown);
    } catch (const std::exception& known) {
        return known.what();
    } catch (...) {
        return "not a std::exception";
    }
}

} // namespace

simulation::simulation(testing::detail::erased_body body, std::size_t max_steps,
                       const testing::network_options& network)
    : body_{body}, max_steps_{max_steps != 0 ? max_steps : UINT64_MAX}, network_options_{network} {
    runtime_options settings = resolve_settings({.workers = 1});
    settings.workers = 1; // whatever the environment says
    settings.on_deadlock = deadlock_action::off;
    settings.on_unhandled_exception = [this](const std::exception_ptr& thrown,
                                             const task_info& info) {
        const std::string who = info.name.empty() ? "" : " \"" + info.name + "\"";
        fail("unhandled exception in coroutine " + std::to_string(info.id) + who + ": " +
                 describe(thrown),
             thrown);
    };
    core_ = std::make_unique<runtime_core>(settings, *this);
}

std::unique_ptr<poller> simulation::make_poller(worker& here) {
    auto made = std::make_unique<simulated_network>(here.timers());
    network_ = made.get();
    network_->state().tell = [this](step what) {
        interleaving_.add(0, "network", what, nullptr, now_ns_);
    };
    return made;
}

void simulation::run(run_plan& plan) {
    plan_ = &plan;
    worker& here = core_->worker_at(0);
    {
        const simulated_thread simulated{&now_ns_};
        here.serve();
    }
    if (abandoned_) keep_for_good(std::move(core_));
}

// --- Runs -----------------------------------------------------------------------------------

bool simulation::begin_run() {
    if (abandoned_) return false;
    std::optional<run_order> order = plan_->next();
    if (!order) return false;
    order_ = std::move(*order);
    worker& here = core_->worker_at(0);
    phase_ = phase::running;
    steps_ = 0;
    steps_left_ = max_steps_;
    idle_steps_ = 0;
    steps_in_a_row_ = 0;
    switches_ = 0;
    last_party_ = 0;
    now_ns_ = start_ns;
    failure_.reset();
    if (order_.recorded) {
        schedule_.begin(*order_.recorded, order_.by_party);
    } else {
        schedule_.begin(order_.seed);
    }
    interleaving_.begin(start_ns);
    network_->begin_run(schedule_.network(), network_options_);
    here.restart_ids(1);
    here.random() = fast_random{0}; // see prepare_draws
    core_->own_session().stopping.store(false, std::memory_order_relaxed);
    // Detached at once: how the body ends is noticed inside.
    static_cast<void>(start(core_.get(), nullptr, {.name = "main"}, [this] { run_body(); }));
    return true;
}

void simulation::run_body() {
    try {
        body_.call(body_.body);
    } catch (const cancelled&) {
        fail("the body was cancelled");
    } catch (...) {
        const std::exception_ptr thrown = std::current_exception();
        fail("exception in the body: " + describe(thrown), thrown);
    }
    if (phase_ != phase::running) return;
    phase_ = phase::draining;
    steps_left_ = std::min<std::uint64_t>(steps_left_, steps_to_drain);
}

void simulation::end_run() {
    phase_ = phase::idle;
    for (coroutine* const co : to_cancel_) unpin(*co);
    to_cancel_.clear();
    network_->end_run();
    // Timers that outlive the run, such as an `after` whose channel is kept, fire for the last
    // time.
    now_ns_ = never_ns - 1;
    core_->worker_at(0).timers().expire(now_ns_);
    plan_->ended({order_, steps_, failure_ ? &*failure_ : nullptr, schedule_});
}

// The first failure is the run's; what comes of clearing up is not.
void simulation::fail(std::string what, std::exception_ptr cause) {
    if (phase_ != phase::running && phase_ != phase::draining) return;
    phase_ = phase::clearing;
    schedule_.freeze();
    steps_left_ = steps_between_cancellations;
    failure_.emplace();
    failure_->what = std::move(what);
    failure_->cause = std::move(cause);
    failure_->switches = switches_;
    failure_->steps = interleaving_.to_text(shown_steps);
}

void simulation::fail_with_waiters(std::string what) {
    std::string waiters = describe_waiters();
    fail(std::move(what));
    failure_->details = std::move(waiters);
}

bool simulation::anybody_alive() const { return core_->own_session().alive() != 0; }

// --- When nobody can run --------------------------------------------------------------------

bool simulation::jump_to_next_deadline(worker& here) {
    const std::int64_t earliest_ns = here.timers().earliest_ns();
    if (earliest_ns == never_ns) return false;
    now_ns_ = std::max(now_ns_, earliest_ns);
    return true;
}

bool simulation::go_on_without_end() {
    switch (phase_) {
    case phase::running:
        fail_with_waiters("no end after " + std::to_string(max_steps_) + " steps");
        return true;
    case phase::draining:
        fail_with_waiters("leak: a coroutine was left running when the body ended");
        return true;
    case phase::clearing:
        steps_left_ = steps_between_cancellations;
        if (cancel_newest()) return true;
        abandoned_ = true; // it does not care
        return false;
    case phase::idle: break;
    }
    return true;
}

bool simulation::go_on_without_anybody(worker& here) {
    if (!anybody_alive()) return false;
    switch (phase_) {
    case phase::running:
        if (!jump_to_next_deadline(here)) {
            fail_with_waiters("deadlock: every coroutine waits and nothing can wake one");
        }
        return true;
    case phase::draining:
        if (network_->deliver_early()) return true; // somebody waits for what is under way
        fail_with_waiters("leak: a coroutine was left waiting when the body ended");
        return true;
    case phase::clearing:
        if (cancel_newest() || jump_to_next_deadline(here)) return true;
        abandoned_ = true; // it waits where no cancellation reaches
        return false;
    case phase::idle: break;
    }
    return false;
}

} // namespace coir::detail
