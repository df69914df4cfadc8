// SPDX-License-Identifier: MIT
#pragma once
// Owns the rule of what may travel through a channel, and what the compiler says when it may not.
//
// A message changes its owner: what the sender can still reach through it is shared memory by
// another name. So everything that merely refers (references, raw pointers to objects, views) is
// refused, wherever the type itself shows it: directly, in an array, and inside the standard
// vocabulary types and containers. Classes of the user's own are taken at their word; their author
// overrides the rule in either direction:
//
//     template <> inline constexpr bool coir::enable_sendable<X> = false;
//
// The standard types are recognised by their shape (the tuple protocol, an allocator, an
// element_type ...), so this header drags in no container and covers their look-alikes as well.
//
// Rejected: looking into the members of user aggregates. A `const char*` to a literal in a struct
// is sound, a file-local opt-in for each such struct would be the price, and types with reference
// members or anonymous unions cannot be taken apart without hard errors in C++20.

#include <cstddef>
#include <initializer_list>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

namespace coir {

namespace detail {

enum class refusal { none, reference, pointer, view, opted_out };

template <class T> consteval refusal refusal_by_shape();

} // namespace detail

/// Decides whether a `T` may be sent through a channel; specialise it to opt a type in or out,
/// which counts also where `T` stands inside another type.
template <class T>
inline constexpr bool enable_sendable = detail::refusal_by_shape<T>() == detail::refusal::none;

/// Holds for types whose values carry what they own and nothing that the sender still owns.
template <class T>
concept sendable = enable_sendable<std::remove_cv_t<T>>;

/// Refers to an object without owning it, and may be sent: whoever shares it vouches that the
/// object outlives every use and that the uses are synchronised. Made by `unsafe_share`.
template <class T> class unsafe_shared {
public:
    constexpr unsafe_shared() noexcept = default;
    /// Refers to `object`; see unsafe_share.
    constexpr explicit unsafe_shared(T* object) noexcept : object_(object) {}

    /// Converts where the pointers do: to const, to a base class.
    template <class U>
        requires std::is_convertible_v<U*, T*>
    constexpr unsafe_shared(unsafe_shared<U> other) noexcept : object_(other.get()) {}

    /// The object, or null if there is none; `*` and `->` need one.
    constexpr T* get() const noexcept { return object_; }
    constexpr T* operator->() const noexcept { return object_; }
    constexpr std::add_lvalue_reference_t<T> operator*() const noexcept
        requires(!std::is_void_v<T>)
    {
        return *object_;
    }
    /// Tells whether there is an object.
    constexpr explicit operator bool() const noexcept { return object_ != nullptr; }
    friend constexpr bool operator==(unsafe_shared, unsafe_shared) noexcept = default;

private:
    T* object_ = nullptr;
};

/// Wraps a raw pointer so that it may be sent: the explicit way round the rule.
template <class T> constexpr unsafe_shared<T> unsafe_share(T* object) noexcept {
    return unsafe_shared<T>{object};
}

template <class T> inline constexpr bool enable_sendable<unsafe_shared<T>> = true;

namespace detail {

template <class T> inline constexpr bool is_initializer_list = false;
template <class T> inline constexpr bool is_initializer_list<std::initializer_list<T>> = true;

/// std::reference_wrapper, and what behaves like it, without <functional>.
template <class T>
concept reference_wrapper_like = requires(const T& wrapper) {
    typename T::type;
    requires std::is_same_v<decltype(wrapper.get()), typename T::type&>;
    requires std::is_convertible_v<const T&, typename T::type&>;
};

template <class T>
concept view_like =
    std::ranges::enable_view<T> || is_initializer_list<T> || reference_wrapper_like<T>;

template <class T>
concept tuple_like = requires { std::tuple_size<T>::value; };

/// Containers (an allocator, or the keys of the flat ones) and container adaptors.
template <class T>
concept container_like =
    requires { typename T::value_type; } &&
    (requires { typename T::allocator_type; } || requires { typename T::container_type; } ||
     requires { typename T::key_type; });

template <class T>
concept smart_pointer_like = requires { typename T::element_type; };

template <class T>
concept optional_like = requires(const T& object) {
    typename T::value_type;
    object.has_value();
};

template <class T>
concept expected_like = optional_like<T> && requires { typename T::error_type; };

template <class T>
concept variant_like = requires(const T& object) {
    object.index();
    object.valueless_by_exception();
};

/// The verdict on T, specialisations of enable_sendable included.
template <class T> consteval refusal refusal_of() {
    using U = std::remove_cv_t<T>;
    if constexpr (enable_sendable<U>)
        return refusal::none;
    else if constexpr (refusal_by_shape<U>() != refusal::none)
        return refusal_by_shape<U>();
    else
        return refusal::opted_out;
}

/// The first refused one among Parts.
template <class... Parts> consteval refusal first_refusal_of() {
    refusal first = refusal::none;
    // The fold stops at the first part that is refused.
    static_cast<void>(((first = refusal_of<Parts>(), first != refusal::none) || ...));
    return first;
}

template <class T, std::size_t... I>
consteval refusal refusal_of_elements(std::index_sequence<I...>) {
    return first_refusal_of<std::tuple_element_t<I, T>...>();
}

template <template <class...> class Template, class... Alternatives>
consteval refusal refusal_of_alternatives(std::type_identity<Template<Alternatives...>>) {
    return first_refusal_of<Alternatives...>();
}
consteval refusal refusal_of_alternatives(...) { return refusal::none; }

/// The verdict on a complete class that is no view.
template <class T> consteval refusal refusal_of_class() {
    if constexpr (tuple_like<T>)
        return refusal_of_elements<T>(std::make_index_sequence<std::tuple_size<T>::value>{});
    else if constexpr (container_like<T>)
        return refusal_of<typename T::value_type>();
    else if constexpr (smart_pointer_like<T>)
        return refusal_of<typename T::element_type>();
    else if constexpr (expected_like<T>)
        return first_refusal_of<typename T::value_type, typename T::error_type>();
    else if constexpr (optional_like<T>)
        return refusal_of<typename T::value_type>();
    else if constexpr (variant_like<T>)
        return refusal_of_alternatives(std::type_identity<T>{});
    else
        return refusal::none;
}

template <class T> consteval refusal refusal_by_shape() {
    using U = std::remove_cv_t<std::remove_all_extents_t<T>>;
    if constexpr (std::is_array_v<T>)
        return refusal_of<U>();
    else if constexpr (std::is_reference_v<T>)
        return refusal::reference;
    else if constexpr (std::is_pointer_v<U>)
        return std::is_function_v<std::remove_pointer_t<U>> ? refusal::none : refusal::pointer;
    else if constexpr (!std::is_class_v<U>)
        return refusal::none;
    else if constexpr (!requires { sizeof(U); })
        return refusal::none; // incomplete: only what a smart pointer points to can be
    else if constexpr (view_like<U>)
        return refusal::view;
    else
        return refusal_of_class<U>();
}

/// Refuses, with a sentence that says why and names the way out, a type that is no message. Channel
/// templates call it from the bodies of their constructors: at class scope it would forbid
/// `struct request { coir::chan<request> reply; };`, whose T is still incomplete there.
template <class T> consteval void require_sendable() {
    constexpr refusal why = refusal_of<T>();
    constexpr bool nested = why != refusal::none && why != refusal::opted_out &&
                            (std::is_class_v<T> || std::is_array_v<T>) && !view_like<T>;
    static_assert(
        nested || why != refusal::reference,
        "coir: a reference cannot be sent through a channel: the sender keeps the object. Send the "
        "value, a std::unique_ptr or std::shared_ptr to it, or coir::unsafe_share(&object).");
    static_assert(
        nested || why != refusal::pointer,
        "coir: a raw pointer cannot be sent through a channel: nothing says who owns the object "
        "and "
        "how long it lives. Send a std::unique_ptr or std::shared_ptr, an owning type (std::string "
        "for text), or coir::unsafe_share(p).");
    static_assert(
        nested || why != refusal::view,
        "coir: a view cannot be sent through a channel: what it looks at may be gone or changed "
        "when "
        "it is received. Send an owning type (std::string, std::vector), a std::shared_ptr, or "
        "coir::unsafe_share(&object).");
    static_assert(
        !nested || why != refusal::reference,
        "coir: this message holds a reference inside. Hold the value, a std::unique_ptr or "
        "std::shared_ptr to it, or coir::unsafe_share(&object).");
    static_assert(
        !nested || why != refusal::pointer,
        "coir: this message holds a raw pointer inside. Hold a std::unique_ptr or std::shared_ptr, "
        "an owning type (std::string for text), or coir::unsafe_share(p).");
    static_assert(!nested || why != refusal::view,
                  "coir: this message holds a view inside. Hold an owning type (std::string, "
                  "std::vector), a std::shared_ptr, or coir::unsafe_share(&object).");
    static_assert(
        why != refusal::opted_out,
        "coir: this message is, or holds, a type whose coir::enable_sendable is false. Send a type "
        "that owns what it needs, or coir::unsafe_share(&object).");
    // A throwing move would lose the value between two owners, and half of it is lost already.
    static_assert(why != refusal::none || (std::is_nothrow_move_constructible_v<T> &&
                                           std::is_nothrow_destructible_v<T>),
                  "coir: a message must move and be destroyed without throwing. Declare its move "
                  "constructor noexcept, or send a std::unique_ptr to it.");
}

} // namespace detail

} // namespace coir
