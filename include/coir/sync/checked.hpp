// SPDX-License-Identifier: MIT
#pragma once
// Owns checked: a standard mutex that is watched for being held across a wait.

#include <coir/detail/config.hpp>

#include <mutex>

namespace coir {
namespace detail {

// Each does nothing unless COIR_CHECK=locks.

/// After a mutex was locked by the caller.
COIR_API void note_locked(const void* mutex, bool is_shared) noexcept;
/// Before the caller unlocks it.
COIR_API void note_unlocked(const void* mutex, bool is_shared) noexcept;

inline bool note_if_locked(const void* mutex, bool is_locked, bool is_shared) noexcept {
    if (is_locked) note_locked(mutex, is_shared);
    return is_locked;
}

} // namespace detail

/// A `Mutex` of the standard library (std::mutex, std::recursive_mutex, std::shared_mutex and their
/// timed kinds, or another Lockable that blocks threads) with all its members, which tells what
/// must not be done with it. It stops threads, and workers are threads: if a coroutine waits while
/// it holds one, the next who locks it takes a worker out of service, perhaps the very one that
/// would have woken the holder; and it may go on in another thread, which must not unlock it.
///
/// While checks are on (`runtime_options::check_locks`, COIR_CHECK=locks; by default in builds
/// without optimisation), standard error names a coroutine that waits, or lets others run, while it
/// holds one: what it waits on, and where it was locked; and whoever unlocks one that another
/// coroutine or thread has locked. Each pair of places is named once. Checked, locking takes some
/// microseconds; else a call that does nothing.
///
/// A coir::mutex needs none of this: it may be held across waits.
///
///     coir::checked<std::mutex> m;
///     { const std::scoped_lock guard{m}; ++shared; }
template <typename Mutex> class checked {
public:
    constexpr checked() = default;
    checked(const checked&) = delete;
    checked& operator=(const checked&) = delete;

    /// As the mutex has it, each where the mutex has it; what is locked is noted for the reports.
    void lock() {
        mutex_.lock();
        detail::note_locked(this, false);
    }
    [[nodiscard]] bool try_lock() { return detail::note_if_locked(this, mutex_.try_lock(), false); }
    void unlock() {
        detail::note_unlocked(this, false);
        mutex_.unlock();
    }

    /// As a timed mutex has it; the limit is that of a thread, which the wait blocks.
    template <typename Duration>
    [[nodiscard]] bool try_lock_for(const Duration& limit)
        requires requires(Mutex& mutex) { mutex.try_lock_for(limit); }
    {
        return detail::note_if_locked(this, mutex_.try_lock_for(limit), false);
    }
    template <typename TimePoint>
    [[nodiscard]] bool try_lock_until(const TimePoint& deadline)
        requires requires(Mutex& mutex) { mutex.try_lock_until(deadline); }
    {
        return detail::note_if_locked(this, mutex_.try_lock_until(deadline), false);
    }

    /// As a shared mutex has it.
    void lock_shared()
        requires requires(Mutex& mutex) { mutex.lock_shared(); }
    {
        mutex_.lock_shared();
        detail::note_locked(this, true);
    }
    [[nodiscard]] bool try_lock_shared()
        requires requires(Mutex& mutex) { mutex.try_lock_shared(); }
    {
        return detail::note_if_locked(this, mutex_.try_lock_shared(), true);
    }
    void unlock_shared()
        requires requires(Mutex& mutex) { mutex.unlock_shared(); }
    {
        detail::note_unlocked(this, true);
        mutex_.unlock_shared();
    }
    /// As a shared mutex that is timed has it.
    template <typename Duration>
    [[nodiscard]] bool try_lock_shared_for(const Duration& limit)
        requires requires(Mutex& mutex) { mutex.try_lock_shared_for(limit); }
    {
        return detail::note_if_locked(this, mutex_.try_lock_shared_for(limit), true);
    }
    template <typename TimePoint>
    [[nodiscard]] bool try_lock_shared_until(const TimePoint& deadline)
        requires requires(Mutex& mutex) { mutex.try_lock_shared_until(deadline); }
    {
        return detail::note_if_locked(this, mutex_.try_lock_shared_until(deadline), true);
    }

private:
    Mutex mutex_;
};

/// In place of std::mutex, where a program wants to be told.
using checked_mutex = checked<std::mutex>;

} // namespace coir
