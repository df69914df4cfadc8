// SPDX-License-Identifier: MIT
#pragma once
// Owns mutex and timed_mutex.

#include <coir/detail/clocks.hpp>
#include <coir/detail/durations.hpp>
#include <coir/detail/scheduling_point.hpp>
#include <coir/detail/sync_state.hpp>

#include <cstdint>

namespace coir {
namespace detail {

/// The mutex's bits of its word, above those of sync_state.
///   mutex_locked  somebody owns the mutex. Set by who finds it clear; cleared by the owner, or
///   left
///                 set in order to hand the mutex over.
///   mutex_woken   a waiter has been woken to try again and has not yet done so: unlocking need not
///                 wake another. Set with the wake-up, cleared by the woken one.
inline constexpr std::uint64_t mutex_locked = 1U << sync_state::owned_shift;
inline constexpr std::uint64_t mutex_woken = mutex_locked << 1;

struct mutex_state : sync_state {
    /// On whose stack it was locked last; for the reports, which look at it while it is locked. All
    /// bits inverted: this is no pointer by which anybody could reach that stack.
    std::atomic<std::uintptr_t> locked_at{0};

    void note_owner() noexcept {
        locked_at.store(~reinterpret_cast<std::uintptr_t>(stack_position()),
                        std::memory_order_relaxed);
    }
};

COIR_API void lock_mutex_slow(sync_state& state);
COIR_API bool lock_mutex_until(sync_state& state, std::int64_t deadline_ns);
COIR_API void unlock_mutex_slow(sync_state& state) noexcept;

} // namespace detail

/// A mutex that parks the coroutine, or the OS thread, that has to wait. As std::mutex: Lockable,
/// so std::scoped_lock and std::unique_lock work; not recursive. It may be unlocked by another
/// worker, thread or coroutine than it was locked by, and destroyed as soon as nobody needs it,
/// even while an unlock() that has let the destroyer go is still returning.
///
/// Newcomers may overtake those who wait; a waiter that was overtaken repeatedly is handed the
/// mutex. What was done before unlock() happens before the return of the next lock().
///
///     coir::mutex m;
///     { const std::scoped_lock guard{m}; ++shared; }
class mutex {
public:
    constexpr mutex() noexcept = default;
    mutex(const mutex&) = delete;
    mutex& operator=(const mutex&) = delete;

    /// Locks it. Throws `cancelled` if it would have to wait in a cancelled scope; it is not locked
    /// then.
    void lock() {
        detail::scheduling_point(detail::step::lock, &state_);
        if (!take_free()) [[unlikely]]
            detail::lock_mutex_slow(state_);
        state_.note_owner();
    }

    /// Locks it if it is free.
    [[nodiscard]] bool try_lock() noexcept {
        detail::scheduling_point(detail::step::lock, &state_);
        std::uint64_t word = state_.word.load(std::memory_order_relaxed);
        while ((word & detail::mutex_locked) == 0) {
            // acquire: pairs with the release of the last unlock.
            if (state_.word.compare_exchange_weak(word, word | detail::mutex_locked,
                                                  std::memory_order_acquire,
                                                  std::memory_order_relaxed)) {
                state_.note_owner();
                return true;
            }
        }
        return false;
    }

    /// Unlocks it. The caller, or somebody on whose behalf it acts, has locked it.
    void unlock() noexcept {
        detail::scheduling_point(detail::step::unlock, &state_);
        std::uint64_t word = detail::mutex_locked;
        // release: publishes the critical section to the next lock.
        if (!state_.word.compare_exchange_strong(word, 0, std::memory_order_release,
                                                 std::memory_order_relaxed)) [[unlikely]] {
            detail::unlock_mutex_slow(state_);
        }
    }

protected:
    /// Takes it if it is free, without waiting.
    [[nodiscard]] bool take_free() noexcept {
        std::uint64_t word = 0;
        return state_.word.compare_exchange_strong(
            word, detail::mutex_locked, std::memory_order_acquire, std::memory_order_relaxed);
    }

    /// What the library's part works on.
    detail::mutex_state state_;

private:
    friend class condition_variable;
};

/// A mutex with limits on waiting: TimedLockable.
class timed_mutex : public mutex {
public:
    /// Locks it; false if that took longer than `limit`. Throws `cancelled`.
    template <typename Rep, typename Period>
    [[nodiscard]] bool try_lock_for(std::chrono::duration<Rep, Period> limit) {
        return lock_until(detail::deadline_after(limit));
    }
    template <typename Clock, typename Duration>
    [[nodiscard]] bool try_lock_until(std::chrono::time_point<Clock, Duration> deadline) {
        return lock_until(detail::deadline_at(deadline));
    }

private:
    bool lock_until(std::int64_t deadline_ns) {
        if (try_lock()) return true;
        if (!detail::lock_mutex_until(state_, deadline_ns)) return false;
        state_.note_owner();
        return true;
    }
};

} // namespace coir
