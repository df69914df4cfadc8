// SPDX-License-Identifier: MIT
#include "time/timer_core.hpp"

#include "sched/timer_thread.hpp"
#include "sched/worker.hpp"
#include "timer/clock.hpp"
#include "wait/park.hpp"

#include <coir/cancelled.hpp>
#include <coir/detail/scheduling_point.hpp>
#include <coir/time.hpp>

#include <memory>
#include <mutex>
#include <stdexcept>

namespace coir::detail {
namespace {

void send_tick(timer_core& timer, std::int64_t now_ns) noexcept {
    clock::time_point now{std::chrono::nanoseconds{now_ns}};
    // Full: the tick before has not been received, and this one is dropped. Cannot throw: never
    // waits, and a block of the buffer was there for the first tick.
    static_cast<void>(channel_send(*timer.ticks, &now, never_wait_ns));
    timer.ticked = true;
}

// The first time on the timer's grid that is still to come: ticks that were missed are skipped.
std::int64_t next_on_grid(std::int64_t last_ns, std::int64_t period_ns, std::int64_t now_ns) {
    const std::int64_t missed = now_ns > last_ns ? (now_ns - last_ns) / period_ns : 0;
    return saturating_add_ns(last_ns + missed * period_ns, period_ns);
}

void arm(timer_core& timer, std::int64_t deadline_ns) {
    timer.deadline_ns = deadline_ns;
    timer.armed = true;
    if (deadline_ns == never_ns) return;
    if (worker* const here = current_worker()) {
        here->timers().insert(timer);
    } else {
        timer_thread::instance().insert(timer);
    }
}

void fire_once_for_all(timer_core& timer, std::int64_t now_ns) noexcept {
    if (now_ns < timer.deadline_ns && !is_channel_closed(*timer.ticks)) {
        timer_thread::instance().insert(timer); // its runtime has ended
        return;
    }
    clock::time_point now{std::chrono::nanoseconds{now_ns}};
    channel_send_last(*timer.ticks, &now);
    drop_sender(*timer.ticks);
    delete &timer;
}

void fire(timer_entry& entry) noexcept {
    auto& timer = static_cast<timer_core&>(entry);
    const std::int64_t now_ns = monotonic_ns();
    if (timer.once_for_all) return fire_once_for_all(timer, now_ns);
    const std::lock_guard guard{timer.lock};
    if (!timer.armed) return; // stop() is waiting for us
    if (now_ns >= timer.deadline_ns) {
        send_tick(timer, now_ns);
        timer.armed = timer.period_ns != 0;
        if (!timer.armed) return;
        timer.deadline_ns = next_on_grid(timer.deadline_ns, timer.period_ns, now_ns);
        if (timer.deadline_ns == never_ns) return; // as in arm()
    }
    if (current_worker() != nullptr) {
        timer.heap()->insert(timer);
    } else { // the timer thread itself, or a worker that ends and expires its heap early
        timer_thread::instance().insert(timer);
    }
}

} // namespace

timer_core* make_timer(channel_core& ticks, std::int64_t first_ns, std::int64_t period_ns) {
    scheduling_point(step::timer, &ticks);
    try {
        auto timer = std::make_unique<timer_core>();
        timer->fire = fire;
        timer->period_ns = period_ns;
        timer->ticks = &ticks;
        arm(*timer, first_ns);
        return timer.release();
    } catch (...) {
        drop_sender(ticks);
        throw;
    }
}

void drop_timer(timer_core& timer) noexcept {
    stop_timer(timer);
    drop_sender(*timer.ticks);
    delete &timer;
}

bool stop_timer(timer_core& timer) noexcept {
    scheduling_point(step::timer, timer.ticks);
    bool was_armed = false;
    bool has_ticked = false;
    timer_heap* heap = nullptr;
    {
        const std::lock_guard guard{timer.lock};
        was_armed = std::exchange(timer.armed, false);
        has_ticked = std::exchange(timer.ticked, false);
        heap = timer.heap(); // no fire() moves it from here on
    }
    if (was_armed && heap != nullptr) heap->remove(timer);
    if (has_ticked) {
        landing_place<clock::time_point> stale;
        static_cast<void>(channel_receive(*timer.ticks, stale.address(), never_wait_ns));
    }
    return was_armed;
}

bool reset_timer(timer_core& timer, std::int64_t first_ns, std::int64_t period_ns) {
    const bool was_armed = stop_timer(timer);
    const std::lock_guard guard{timer.lock};
    timer.period_ns = period_ns;
    arm(timer, first_ns);
    return was_armed;
}

receiver_reference make_after(const element_type& type, std::int64_t deadline_ns) {
    channel_core* const ticks = make_channel(type, 1);
    receiver_reference end{ticks};
    try {
        auto timer = std::make_unique<timer_core>();
        timer->fire = fire;
        timer->once_for_all = true;
        timer->ticks = ticks;
        arm(*timer, deadline_ns);
        if (deadline_ns != never_ns) {
            static_cast<void>(timer.release()); // fire() deletes it
        } else {
            forget_sender(*ticks);
        }
    } catch (...) {
        drop_sender(*ticks);
        throw;
    }
    return end;
}

void sleep_until_ns(std::int64_t deadline_ns) {
    scheduling_point(step::sleep);
    waiter& self = current_waiter();
    if (deadline_ns <= monotonic_ns()) return;
    if (park(self, {wait_kind::sleep, nullptr, nullptr, nullptr, deadline_ns}) == wait_cancelled) {
        throw cancelled{};
    }
}

void throw_bad_period() {
    throw std::invalid_argument{"coir::ticker: the period must be positive"};
}

} // namespace coir::detail
