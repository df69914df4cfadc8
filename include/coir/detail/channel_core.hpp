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

/// Copying runs no user code and is short: it may be done under the channel's lock, byte by byte.
template <typename T>
inline constexpr bool is_trivial_element =
    std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T> && sizeof(T) <= 128;

/// Where a receiver wants its element: raw memory if the element is trivial, else a std::optional.
template <typename T, bool Trivial = is_trivial_element<T>> class landing_place {
public:
    landing_place() noexcept : nothing_{0} {}
    [[nodiscard]] void* address() noexcept { return &received_; }
    /// What has arrived, or nothing. Once.
    [[nodiscard]] std::optional<T> take(bool arrived) noexcept {
        return arrived ? std::optional<T>{received_} : std::nullopt;
    }

private:
    union {
        char nothing_;
        T received_;
    };
};
template <typename T> class landing_place<T, false> {
public:
    [[nodiscard]] void* address() noexcept { return &received_; }
    [[nodiscard]] std::optional<T> take(bool) noexcept {
        return std::exchange(received_, std::nullopt);
    }

private:
    std::optional<T> received_;
};

/// How an element goes through a channel.
enum class element_way : std::uint8_t {
    moved,  ///< by its own moves, outside the channel's lock
    copied, ///< a trivial one: byte by byte
    word,   ///< copied, and of a size that takes no call: 1, 4, 8 or 16
};

template <typename T> consteval element_way way_of_element() {
    if (!is_trivial_element<T>) return element_way::moved;
    const std::size_t size = sizeof(T);
    const bool is_word = size == 1 || size == 4 || size == 8 || size == 16;
    return is_word ? element_way::word : element_way::copied;
}

/// What a channel must know of its elements.
struct element_type {
    std::size_t size;
    std::size_t alignment;
    element_way way;
    void (*construct)(void* slot, void* from) noexcept; ///< moves `from` into raw memory
    void (*deliver)(void* to, void* from) noexcept;     ///< moves `from` to a landing place
    void (*destroy)(void* element) noexcept;
};

template <typename T>
inline constexpr element_type element_type_of = {
    sizeof(T),
    alignof(T),
    way_of_element<T>(),
    [](void* slot, void* from) noexcept { ::new (slot) T(std::move(*static_cast<T*>(from))); },
    [](void* to, void* from) noexcept {
        if constexpr (is_trivial_element<T>) {
            ::new (to) T(*static_cast<T*>(from));
        } else {
            static_cast<std::optional<T>*>(to)->emplace(std::move(*static_cast<T*>(from)));
        }
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
/// Moves an element to the landing place at `out`: success, empty, closed or timeout.
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
