// SPDX-License-Identifier: MIT
#pragma once
// Owns a count that parties wait for to become zero: what latch and wait_group are made of.

#include <coir/detail/deadline.hpp>
#include <coir/detail/sync_state.hpp>

#include <cstdint>

namespace coir::detail {

/// The count stands in the word above the bits of sync_state. What was done before it was taken
/// down to zero happens before a wait returns.
class COIR_API countdown {
public:
    constexpr explicit countdown(std::uint64_t count) noexcept
        : state_{count << sync_state::owned_shift} {}

    /// Returns false, and changes nothing, if it would become too large.
    [[nodiscard]] bool add(std::uint64_t count) noexcept;
    /// Returns false, and changes nothing, if it would become negative. At zero wakes all, having
    /// touched the object for the last time.
    [[nodiscard]] bool subtract(std::uint64_t count) noexcept;
    [[nodiscard]] bool is_zero() const noexcept {
        // acquire: pairs with the release of subtract().
        return state_.word.load(std::memory_order_acquire) >> sync_state::owned_shift == 0;
    }
    /// Waits until it is zero. Throws `cancelled`.
    void wait(bool is_latch);

private:
    sync_state state_;
};

[[noreturn]] COIR_API COIR_COLD void throw_bad_count(const char* what);

} // namespace coir::detail
