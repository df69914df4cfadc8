// SPDX-License-Identifier: MIT
#pragma once
// Owns shared_mutex.

#include <coir/detail/scheduling_point.hpp>
#include <coir/detail/sync_state.hpp>

#include <cstdint>

namespace coir {
namespace detail {

/// Above the bits of sync_state: whether a writer owns it, then the number of readers that do. At
/// most one of the two is not zero.
inline constexpr std::uint64_t shared_writer = 1U << sync_state::owned_shift;
inline constexpr std::uint64_t shared_reader = shared_writer << 1;

COIR_API void lock_exclusive_slow(sync_state& state);
COIR_API void unlock_exclusive_slow(sync_state& state) noexcept;
COIR_API void lock_shared_slow(sync_state& state);
COIR_API void unlock_shared_slow(sync_state& state) noexcept;

} // namespace detail

/// As std::shared_mutex: one writer, or any number of readers. SharedLockable, so std::shared_lock
/// works. Those who wait are served in the order of their arrival, neighbouring readers together;
/// readers that come while somebody waits queue up behind, so neither side starves.
///
///     coir::shared_mutex m;
///     { const std::shared_lock reading{m}; use(table); }
///     { const std::scoped_lock writing{m}; change(table); }
class shared_mutex {
public:
    constexpr shared_mutex() noexcept = default;
    shared_mutex(const shared_mutex&) = delete;
    shared_mutex& operator=(const shared_mutex&) = delete;

    /// Locks it alone. Throws `cancelled` if it would have to wait in a cancelled scope.
    void lock() {
        if (!try_lock()) [[unlikely]]
            detail::lock_exclusive_slow(state_);
    }
    [[nodiscard]] bool try_lock() noexcept {
        detail::scheduling_point(detail::step::lock, &state_);
        std::uint64_t word = 0;
        // acquire: pairs with the releases of all earlier owners.
        return state_.word.compare_exchange_strong(
            word, detail::shared_writer, std::memory_order_acquire, std::memory_order_relaxed);
    }
    void unlock() noexcept {
        detail::scheduling_point(detail::step::unlock, &state_);
        std::uint64_t word = detail::shared_writer;
        if (!state_.word.compare_exchange_strong(word, 0, std::memory_order_release,
                                                 std::memory_order_relaxed)) [[unlikely]] {
            detail::unlock_exclusive_slow(state_);
        }
    }

    /// Locks it together with other readers. Throws `cancelled` as lock().
    void lock_shared() {
        if (!try_lock_shared()) [[unlikely]]
            detail::lock_shared_slow(state_);
    }
    /// Fails also while somebody waits.
    [[nodiscard]] bool try_lock_shared() noexcept {
        detail::scheduling_point(detail::step::lock, &state_);
        std::uint64_t word = state_.word.load(std::memory_order_relaxed);
        while ((word & (detail::shared_writer | detail::sync_state::waiting)) == 0) {
            if (state_.word.compare_exchange_weak(word, word + detail::shared_reader,
                                                  std::memory_order_acquire,
                                                  std::memory_order_relaxed)) {
                return true;
            }
        }
        return false;
    }
    void unlock_shared() noexcept {
        detail::scheduling_point(detail::step::unlock, &state_);
        std::uint64_t word = state_.word.load(std::memory_order_relaxed);
        while ((word & detail::sync_state::waiting) == 0) {
            // release: the next writer sees that we have read.
            if (state_.word.compare_exchange_weak(word, word - detail::shared_reader,
                                                  std::memory_order_release,
                                                  std::memory_order_relaxed)) {
                return;
            }
        }
        detail::unlock_shared_slow(state_);
    }

private:
    detail::sync_state state_;
};

} // namespace coir
