// SPDX-License-Identifier: MIT
#pragma once
// Owns condition_variable.

#include <coir/sync/mutex.hpp>

#include <condition_variable>
#include <mutex>

namespace coir {
namespace detail {

/// Waits until notified or the deadline; the mutex is owned before and after, also when it throws.
/// Returns false at the deadline. Throws `cancelled`.
COIR_API bool wait_at_condition(sync_state& condition, mutex& owned, std::int64_t deadline_ns);
COIR_API void notify_one_slow(sync_state& condition) noexcept;
COIR_API void notify_all_slow(sync_state& condition) noexcept;
COIR_API void end_condition(sync_state& condition) noexcept;

} // namespace detail

/// As std::condition_variable, for coir::mutex. A wait that is cancelled owns the mutex again when
/// `cancelled` leaves it, and has consumed no notification. It may be destroyed as soon as all who
/// wait have been notified. There are no spurious wake-ups, but others may run between a
/// notification and the return of the wait.
///
///     std::unique_lock lock{m};
///     ready.wait(lock, [&] { return !queue.empty(); });
class condition_variable {
public:
    constexpr condition_variable() noexcept = default;
    condition_variable(const condition_variable&) = delete;
    condition_variable& operator=(const condition_variable&) = delete;
    ~condition_variable() {
        if (state_.word.load(std::memory_order_acquire) != 0) detail::end_condition(state_);
    }

    /// Wakes one that waits, the longest; nothing is kept if nobody does. From anywhere.
    // relaxed: who changed the condition under the mutex, which a waiter held from its last look
    // until it was enqueued, sees it enqueued.
    void notify_one() noexcept {
        detail::scheduling_point(detail::step::notify, &state_);
        if (has_waiters()) detail::notify_one_slow(state_);
    }
    /// Wakes all that wait now. From anywhere.
    void notify_all() noexcept {
        detail::scheduling_point(detail::step::notify, &state_);
        if (has_waiters()) detail::notify_all_slow(state_);
    }

    /// Unlocks, waits for a notification, locks again. Throws `cancelled`.
    void wait(std::unique_lock<mutex>& lock) {
        detail::wait_at_condition(state_, *lock.mutex(), detail::never_ns);
    }
    template <typename Predicate> void wait(std::unique_lock<mutex>& lock, Predicate ready) {
        while (!ready()) wait(lock);
    }

    /// As std::condition_variable has it; throws `cancelled`, with the lock held again.
    template <typename Clock, typename Duration>
    std::cv_status wait_until(std::unique_lock<mutex>& lock,
                              std::chrono::time_point<Clock, Duration> deadline) {
        return wait_until_ns(lock, detail::deadline_at(deadline));
    }
    /// Returns what the predicate says at the end.
    template <typename Clock, typename Duration, typename Predicate>
    bool wait_until(std::unique_lock<mutex>& lock,
                    std::chrono::time_point<Clock, Duration> deadline, Predicate ready) {
        return wait_until_ns(lock, detail::deadline_at(deadline), ready);
    }

    /// As wait_until, with a limit that begins now.
    template <typename Rep, typename Period>
    std::cv_status wait_for(std::unique_lock<mutex>& lock,
                            std::chrono::duration<Rep, Period> limit) {
        return wait_until_ns(lock, detail::deadline_after(limit));
    }
    template <typename Rep, typename Period, typename Predicate>
    bool wait_for(std::unique_lock<mutex>& lock, std::chrono::duration<Rep, Period> limit,
                  Predicate ready) {
        return wait_until_ns(lock, detail::deadline_after(limit), ready);
    }

private:
    [[nodiscard]] bool has_waiters() const noexcept {
        return state_.word.load(std::memory_order_relaxed) != 0;
    }

    std::cv_status wait_until_ns(std::unique_lock<mutex>& lock, std::int64_t deadline_ns) {
        const bool notified = detail::wait_at_condition(state_, *lock.mutex(), deadline_ns);
        return notified ? std::cv_status::no_timeout : std::cv_status::timeout;
    }

    template <typename Predicate>
    bool wait_until_ns(std::unique_lock<mutex>& lock, std::int64_t deadline_ns, Predicate& ready) {
        while (!ready()) {
            if (wait_until_ns(lock, deadline_ns) == std::cv_status::timeout) return ready();
        }
        return true;
    }

    detail::sync_state state_;
};

} // namespace coir
