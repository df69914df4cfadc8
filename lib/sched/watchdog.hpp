// SPDX-License-Identifier: MIT
#pragma once
// Owns the thread that notices when a coroutine computes on while others wait behind it.
//
// A coroutine made ready while its waker runs lies in the worker's `next_`, and no other worker is
// woken for it: nearly always the waker parks within microseconds, and a wake-up would tear a pair
// that talks apart. If it does not park, this thread sees the same turn of that worker twice, marks
// it as stuck and wakes a sleeper, who takes over what waits there (worker::rescue_from).
//
// It does the same for a worker's timers that are due, and for a ring whose owner does not come to
// it while a hint was missed (idle.hpp). While others sleep it is armed by whoever fills an empty
// `next_`, and by a worker that leaves its loop for a coroutine, behind which all that becomes due
// will have to wait; also by a worker that goes to sleep while others run. Disarmed after all have
// slept for a while, so an idle program has no ticking thread.

#include <atomic>
#include <cstdint>
#include <thread>

namespace coir::detail {

class runtime_core;

class watchdog {
public:
    explicit watchdog(runtime_core& runtime) noexcept : runtime_{runtime} {}
    watchdog(const watchdog&) = delete;
    watchdog& operator=(const watchdog&) = delete;

    void start();
    void stop() noexcept;
    void abandon() noexcept; ///< in a forked child: the thread is not there

    void arm() noexcept {
        // relaxed: a stale `armed` is corrected by disarm(), which looks at the workers again.
        if (state_.load(std::memory_order_relaxed) == asleep) arm_slow();
    }

private:
    enum : std::uint32_t { asleep, armed, ended };

    void arm_slow() noexcept;
    void serve() noexcept;
    void watch_until_quiet() noexcept;
    bool look() noexcept;
    [[nodiscard]] bool all_sleep() const noexcept;

    runtime_core& runtime_;
    std::atomic<std::uint32_t> state_{asleep}; // a futex
    std::thread thread_;
    std::uint64_t* last_turns_ = nullptr; // per worker; the thread's own
};

} // namespace coir::detail
