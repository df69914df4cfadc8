// SPDX-License-Identifier: MIT
#pragma once
// Owns once_flag and call_once.

#include <coir/detail/scheduling_point.hpp>
#include <coir/detail/sync_state.hpp>

#include <functional>
#include <utility>

namespace coir {
namespace detail {

/// Above the bits of sync_state: 0 nobody has succeeded; running, one is at it; done.
inline constexpr std::uint64_t once_running = 1U << sync_state::owned_shift;
inline constexpr std::uint64_t once_done = once_running << 1;

/// Returns true if the caller is to make the call, false if it has been made. Throws `cancelled`.
[[nodiscard]] COIR_API bool begin_once(sync_state& state);
COIR_API void end_once(sync_state& state, bool succeeded) noexcept;

template <typename Function, typename... Arguments>
void call_once_slow(sync_state& state, Function&& function, Arguments&&... arguments) {
    if (!begin_once(state)) return;
    struct ending {
        sync_state& state;
        bool succeeded = false;
        ~ending() { end_once(state, succeeded); }
    } end{state};
    std::invoke(std::forward<Function>(function), std::forward<Arguments>(arguments)...);
    end.succeeded = true;
}

} // namespace detail

/// As std::once_flag.
class once_flag {
public:
    constexpr once_flag() noexcept = default;
    once_flag(const once_flag&) = delete;
    once_flag& operator=(const once_flag&) = delete;

private:
    template <typename Function, typename... Arguments>
    friend void call_once(once_flag& flag, Function&& function, Arguments&&... arguments);

    detail::sync_state state_;
};

/// Calls `function` unless a call with this flag has returned before; waits for one that is under
/// way. A call that throws, `cancelled` too, lets the next try. The call that returned happens
/// before the return of all others. Throws `cancelled` if it would have to wait in a cancelled
/// scope.
///
///     coir::call_once(opened, [&] { database.open(); });
template <typename Function, typename... Arguments>
void call_once(once_flag& flag, Function&& function, Arguments&&... arguments) {
    detail::scheduling_point(detail::step::once, &flag.state_);
    // acquire: pairs with the release of the call that returned.
    if (flag.state_.word.load(std::memory_order_acquire) == detail::once_done) [[likely]]
        return;
    detail::call_once_slow(flag.state_, std::forward<Function>(function),
                           std::forward<Arguments>(arguments)...);
}

} // namespace coir
