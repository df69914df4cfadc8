// SPDX-License-Identifier: MIT
#pragma once
// Owns the door between the typed channel handles and the untyped channel behind them.

#include <coir/detail/config.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>

namespace coir {

/// How a channel operation that need not wait for ever has ended.
enum class channel_status : std::uint8_t {
    success,
    full,    ///< try_send: it would have to wait
    empty,   ///< try_recv: it would have to wait
    closed,  ///< sending: it can never be received. Receiving: closed and drained
    timeout, ///< the time was up
};

namespace detail {

class channel_core;

/// What a channel must know of its elements.
struct element_type {
    std::size_t size;
    std::size_t alignment;
    /// Copying runs no user code and is short: it may be done under the channel's lock.
    bool trivial;
    void (*construct)(void* slot, void* from) noexcept;           ///< moves `from` into raw memory
    void (*deliver)(void* optional_element, void* from) noexcept; ///< moves into a receiver's frame
    void (*destroy)(void* element) noexcept;
};

template <typename T>
inline constexpr element_type element_type_of = {
    sizeof(T),
    alignof(T),
    std::is_trivially_copyable_v<T>&& std::is_trivially_destructible_v<T> && sizeof(T) <= 128,
    [](void* slot, void* from) noexcept { ::new (slot) T(std::move(*static_cast<T*>(from))); },
    [](void* to, void* from) noexcept {
        static_cast<std::optional<T>*>(to)->emplace(std::move(*static_cast<T*>(from)));
    },
    [](void* element) noexcept { static_cast<T*>(element)->~T(); },
};

inline constexpr std::size_t unbounded_capacity = std::numeric_limits<std::size_t>::max();

/// Deadlines of channel operations, in nanoseconds of the steady clock.
inline constexpr std::int64_t never_wait_ns = std::numeric_limits<std::int64_t>::min();
inline constexpr std::int64_t wait_for_ever_ns = std::numeric_limits<std::int64_t>::max();

/// Starts with one sending and one receiving handle. Throws std::bad_alloc.
[[nodiscard]] COIR_API channel_core* make_channel(const element_type& type, std::size_t capacity);

COIR_API void add_sender(channel_core& channel) noexcept;
COIR_API void add_receiver(channel_core& channel) noexcept;
COIR_API void drop_sender(channel_core& channel) noexcept;
COIR_API void drop_receiver(channel_core& channel) noexcept;
/// Gives the last sending handle up without closing: nothing is ever sent.
COIR_API void forget_sender(channel_core& channel) noexcept;

/// Moves *value into the channel, waiting until the deadline: success, full (never_wait_ns), closed
/// or timeout. Throws `cancelled`.
COIR_API channel_status channel_send(channel_core& channel, void* value, std::int64_t deadline_ns);
/// Moves an element into the std::optional at `out`: success, empty, closed or timeout.
COIR_API channel_status channel_receive(channel_core& channel, void* out, std::int64_t deadline_ns);

/// Sends *value if there is room or a receiver, and closes the channel, in one step; for trivial
/// elements.
COIR_API void channel_send_last(channel_core& channel, void* value) noexcept;
COIR_API void channel_close(channel_core& channel) noexcept;
[[nodiscard]] COIR_API bool is_channel_closed(const channel_core& channel) noexcept;
[[nodiscard]] COIR_API std::size_t channel_size(const channel_core& channel) noexcept;
[[nodiscard]] COIR_API std::size_t channel_capacity(const channel_core& channel) noexcept;

[[noreturn]] COIR_API COIR_COLD void throw_nil_channel();

} // namespace detail
} // namespace coir
