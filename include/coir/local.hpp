// SPDX-License-Identifier: MIT
#pragma once
// Owns local<T>: a variable of which each coroutine has its own.

#include <coir/detail/config.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace coir {

/// The type of coir::inherit.
struct inherit_t {
    explicit inherit_t() = default;
};
/// Chooses, for a local<T>, that children begin with a copy of their parent's value.
inline constexpr inherit_t inherit{};

namespace detail {

/// How the values of one local are made and destroyed.
struct local_type {
    void* (*make)();                  ///< a value-initialised one
    void* (*copy)(const void* value); ///< null if children do not inherit
    void (*destroy)(void* value) noexcept;
};

/// Names one local: its place in the tables of values, and which of the locals of that place it is.
struct local_key {
    std::size_t place;
    std::uint64_t generation;
};

[[nodiscard]] COIR_API local_key take_local_key();
COIR_API void give_back_local_key(const local_key& key) noexcept;
/// The caller's value, made if there is none yet.
[[nodiscard]] COIR_API void* local_value(const local_key& key, const local_type& type);

} // namespace detail

/// A variable of which each coroutine has its own value, from its first use (value-initialised) to
/// the coroutine's end; on OS threads each thread has. A coroutine keeps it wherever it runs, which
/// a thread_local does not. Made with `coir::inherit`, coroutines begin with a copy of the value
/// that their parent has when it starts them.
///
///     coir::local<std::string> request_id{coir::inherit};
///     request_id.set("42");
///     coir::go([] { log(*request_id); });    // 42
template <typename T>
    requires std::is_object_v<T> && std::default_initializable<T>
class local {
public:
    local() : key_{detail::take_local_key()}, type_{&own} {}
    /// A value that is copied to the coroutines which this one starts.
    explicit local(inherit_t)
        requires std::copy_constructible<T>
        : key_{detail::take_local_key()}, type_{&inherited} {}
    local(const local&) = delete;
    local& operator=(const local&) = delete;
    /// Values that coroutines still have are destroyed at their ends.
    ~local() { detail::give_back_local_key(key_); }

    /// The caller's value. The reference is valid until the coroutine ends; do not hand it to
    /// others.
    [[nodiscard]] T& operator*() const {
        return *static_cast<T*>(detail::local_value(key_, *type_));
    }
    /// Reaches into the value of the coroutine that asks.
    [[nodiscard]] T* operator->() const { return &**this; }
    /// Replaces the value of the coroutine that asks; others keep theirs.
    void set(T value) const { **this = std::move(value); }

private:
    static void* make() { return new T(); }
    static void* copy(const void* value) { return new T(*static_cast<const T*>(value)); }
    static void destroy(void* value) noexcept { delete static_cast<T*>(value); }

    static constexpr detail::local_type own{make, nullptr, destroy};
    static constexpr detail::local_type inherited = [] {
        if constexpr (std::copy_constructible<T>) return detail::local_type{make, copy, destroy};
        return own;
    }();

    detail::local_key key_;
    const detail::local_type* type_;
};

} // namespace coir
