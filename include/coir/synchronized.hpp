// SPDX-License-Identifier: MIT
#pragma once
// Owns synchronized<T>: data that can only be reached with its mutex locked.

#include <coir/sync/mutex.hpp>

#include <atomic>
#include <concepts>
#include <exception>
#include <optional>
#include <stdexcept>
#include <utility>

namespace coir {

/// Thrown by the lock of a synchronized<T> whose data an exception may have left half changed.
class COIR_API poisoned final : public std::runtime_error {
public:
    poisoned() : std::runtime_error{"coir: poisoned: an exception left a guard of this data"} {}
};

template <typename T> class synchronized;

/// Access to the data of a synchronized<T>, which is locked while the guard lives. Move-only; goes
/// with the coroutine from thread to thread. Poisons the data if an exception, `cancelled` too,
/// destroys it.
template <typename T> class synchronized_guard {
public:
    synchronized_guard(synchronized_guard&& other) noexcept
        : owner_{std::exchange(other.owner_, nullptr)}, exceptions_{other.exceptions_} {}
    synchronized_guard& operator=(synchronized_guard&& other) noexcept {
        if (this != &other) {
            release();
            owner_ = std::exchange(other.owner_, nullptr);
            exceptions_ = other.exceptions_;
        }
        return *this;
    }
    ~synchronized_guard() { release(); }

    /// The data, while the guard lives.
    [[nodiscard]] T& operator*() const noexcept { return owner_->value_; }
    [[nodiscard]] T* operator->() const noexcept { return &owner_->value_; }

private:
    friend synchronized<std::remove_const_t<T>>;
    using owner = std::conditional_t<std::is_const_v<T>, const synchronized<std::remove_const_t<T>>,
                                     synchronized<T>>;

    // Of this coroutine: the scheduler carries the count of exceptions in flight along, so what is
    // thrown elsewhere meanwhile, and the change of threads, do not matter.
    explicit synchronized_guard(owner& locked) noexcept
        : owner_{&locked}, exceptions_{std::uncaught_exceptions()} {}

    void release() noexcept {
        if (owner_ == nullptr) return;
        // release: for is_poisoned(), which looks without the lock.
        if (std::uncaught_exceptions() > exceptions_) {
            owner_->poisoned_.store(true, std::memory_order_release);
        }
        owner_->mutex_.unlock();
    }

    owner* owner_;
    int exceptions_;
};

/// A value together with the mutex that guards it. When an exception leaves the scope of a guard
/// the data may be half changed: then it is *poisoned*, and lock() throws until clear_poison().
///
///     coir::synchronized<std::vector<account>> accounts;
///     auto guard = accounts.lock();
///     guard->push_back(account{});
template <typename T> class synchronized {
public:
    /// What `lock` gives: `*` and `->` reach the data until it goes.
    using guard = synchronized_guard<T>;
    using const_guard = synchronized_guard<const T>;

    /// Makes the value from the arguments.
    template <typename... Arguments>
        requires std::constructible_from<T, Arguments...>
    explicit(sizeof...(Arguments) == 1) constexpr synchronized(Arguments&&... arguments)
        : value_(std::forward<Arguments>(arguments)...) {}
    synchronized(const synchronized&) = delete;
    synchronized& operator=(const synchronized&) = delete;

    /// Locks it. Throws poisoned, and `cancelled` as mutex::lock.
    [[nodiscard]] guard lock() { return refuse_poisoned(lock_poisoned()); }
    [[nodiscard]] const_guard lock() const { return refuse_poisoned(lock_poisoned()); }

    /// Locks it if it is free. Throws poisoned.
    [[nodiscard]] std::optional<guard> try_lock() {
        if (!mutex_.try_lock()) return std::nullopt;
        return refuse_poisoned(guard{*this});
    }
    [[nodiscard]] std::optional<const_guard> try_lock() const {
        if (!mutex_.try_lock()) return std::nullopt;
        return refuse_poisoned(const_guard{*this});
    }

    /// Locks it whether poisoned or not: for who can put the data in order.
    [[nodiscard]] guard lock_poisoned() {
        mutex_.lock();
        return guard{*this};
    }
    [[nodiscard]] const_guard lock_poisoned() const {
        mutex_.lock();
        return const_guard{*this};
    }

    /// Tells whether an exception has left a guard's scope. Another may do so at once.
    [[nodiscard]] bool is_poisoned() const noexcept {
        return poisoned_.load(std::memory_order_acquire);
    }
    /// Declares the data sound. Best done while holding a guard from lock_poisoned().
    void clear_poison() noexcept { poisoned_.store(false, std::memory_order_release); }

private:
    friend guard;
    friend const_guard;

    // The exception leaves no guard alive, so it poisons nothing itself.
    template <typename Guard> [[nodiscard]] Guard refuse_poisoned(Guard locked) const {
        // relaxed: set under the mutex.
        if (poisoned_.load(std::memory_order_relaxed)) throw_poisoned(std::move(locked));
        return locked;
    }
    template <typename Guard> [[noreturn]] static void throw_poisoned(Guard&& locked) {
        { const Guard released{std::forward<Guard>(locked)}; }
        throw poisoned{};
    }

    mutable mutex mutex_;
    mutable std::atomic<bool> poisoned_{false};
    T value_;
};

/// `coir::synchronized data{std::vector{1, 2}};`
template <typename T> synchronized(T) -> synchronized<T>;

} // namespace coir
