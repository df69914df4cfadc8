// SPDX-License-Identifier: MIT
#pragma once
// Owns the typed select cases: what each tells the untyped select, and how its handler is called.

#include <coir/detail/channel_handles.hpp>
#include <coir/detail/select_entry.hpp>

#include <concepts>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace coir {

/// Thrown by select when it meets a closed channel in a send case that has no other way to say so.
class COIR_API channel_closed final : public std::logic_error {
public:
    channel_closed() : std::logic_error{"coir::select: send on a closed channel"} {}
};

namespace detail {

/// What select needs of a case. `prepare` comes before each select, `complete` after the one that
/// chose it.
template <typename Case>
concept select_alternative = requires(std::remove_reference_t<Case>& one) {
    { one.entry() } -> std::same_as<select_entry&>;
    one.prepare();
    one.complete();
};

/// None or one handler, which takes nothing.
template <typename... Handler> struct plain_handler {
    static_assert(sizeof...(Handler) <= 1, "coir: a select case takes at most one handler");
    void call() {}
};
template <typename Handler> struct plain_handler<Handler> {
    static_assert(std::invocable<Handler&>,
                  "coir: the handler of this select case is called without an argument: write "
                  "[&] { ... }");
    Handler handler;
    void call() {
        // After the sentence above the compiler is to have nothing more to say.
        if constexpr (std::invocable<Handler&>) static_cast<void>(handler());
    }
};

/// The common part of all cases.
class case_base {
public:
    select_entry& entry() noexcept { return entry_; }
    void prepare() noexcept {}

protected:
    explicit case_base(select_kind kind) noexcept { entry_.kind = kind; }
    select_entry entry_;
};

template <typename T, typename... Handler> class receive_case : public case_base {
public:
    template <typename... Given>
    explicit receive_case(channel_core* channel, Given&&... handler)
        : case_base{channel != nullptr ? select_kind::receive : select_kind::never},
          handler_(std::forward<Given>(handler)...) {
        entry_.channel = channel;
    }

    void prepare() noexcept { entry_.value = place_.address(); }
    void complete() {
        if constexpr (sizeof...(Handler) == 1) {
            call(std::get<0>(handler_));
        } else {
            static_cast<void>(place_.take(entry_.succeeded));
        }
    }
    /// Keeps the channel for a case that outlives the handle it was made from.
    void own() { kept_ = receiver_reference::share(entry_.channel); }

private:
    template <typename Callable> void call(Callable& handler) {
        static_assert(std::invocable<Callable&, std::optional<T>> || std::invocable<Callable&>,
                      "coir: the handler of on_recv takes a std::optional of the element, which is "
                      "empty when the channel is closed and drained");
        if constexpr (std::invocable<Callable&, std::optional<T>>) {
            static_cast<void>(handler(place_.take(entry_.succeeded)));
        } else if constexpr (std::invocable<Callable&>) {
            static_cast<void>(place_.take(entry_.succeeded));
            static_cast<void>(handler());
        }
    }

    std::tuple<Handler...> handler_;
    landing_place<T> place_;
    receiver_reference kept_;
};

template <typename T, typename... Handler> class send_case : public case_base {
    static_assert(sizeof...(Handler) <= 1, "coir: a select case takes at most one handler");
    struct how {
        T* referred;
        const T* copied_from;
    };

public:
    template <typename... Given>
    send_case(channel_core* channel, T&& value, Given&&... handler)
        : send_case{how{std::addressof(value), nullptr}, channel, std::forward<Given>(handler)...} {
    }
    template <typename... Given>
    send_case(channel_core* channel, const T& value, Given&&... handler)
        : send_case{how{nullptr, std::addressof(value)}, channel, std::forward<Given>(handler)...} {
    }

    /// Copies an lvalue, which may throw, before anything has happened.
    void prepare() {
        copy_lvalue();
        entry_.value = value_.has_value() ? std::addressof(*value_) : referred_;
    }
    void complete() {
        if constexpr (sizeof...(Handler) == 1) {
            call(std::get<0>(handler_));
        } else if (!entry_.succeeded) {
            throw channel_closed{};
        }
    }
    /// Keeps channel and value for a case that outlives the handle and the value.
    void own() {
        kept_ = sender_reference::share(entry_.channel);
        copy_lvalue();
        copied_from_ = nullptr;
        if (referred_ != nullptr) value_.emplace(std::move(*std::exchange(referred_, nullptr)));
    }

private:
    template <typename... Given>
    send_case(how source, channel_core* channel, Given&&... handler)
        : case_base{channel != nullptr ? select_kind::send : select_kind::never},
          handler_(std::forward<Given>(handler)...), referred_{source.referred},
          copied_from_{source.copied_from} {
        entry_.channel = channel;
    }

    void copy_lvalue() {
        if constexpr (std::copy_constructible<T>) {
            if (copied_from_ != nullptr) value_.emplace(*copied_from_);
        }
    }

    template <typename Callable> void call(Callable& handler) {
        static_assert(std::invocable<Callable&, bool> || std::invocable<Callable&>,
                      "coir: the handler of on_send takes a bool (was it sent?) or nothing");
        if constexpr (std::invocable<Callable&, bool>) {
            static_cast<void>(handler(entry_.succeeded));
        } else if constexpr (std::invocable<Callable&>) {
            if (!entry_.succeeded) throw channel_closed{};
            static_cast<void>(handler());
        }
    }

    std::tuple<Handler...> handler_;
    std::optional<T> value_;
    T* referred_;          ///< an rvalue, moved from if the case commits
    const T* copied_from_; ///< an lvalue
    sender_reference kept_;
};

template <typename... Handler> class join_case : public case_base {
public:
    template <typename... Given>
    join_case(coroutine* task, bool was_joined, Given&&... handler)
        : case_base{task != nullptr ? select_kind::join : select_kind::never},
          handler_{std::forward<Given>(handler)...} {
        entry_.task = task;
        if (task == nullptr && was_joined) { // it ended long ago
            entry_.kind = select_kind::deadline;
            entry_.deadline_ns = never_wait_ns;
        }
    }
    void complete() { handler_.call(); }
    void own() {}

private:
    plain_handler<Handler...> handler_;
};

template <typename... Handler> class timeout_case : public case_base {
public:
    template <typename... Given>
    explicit timeout_case(std::int64_t limit_ns, Given&&... handler)
        : case_base{select_kind::deadline}, limit_ns_{limit_ns},
          handler_{std::forward<Given>(handler)...} {}
    void prepare() noexcept {
        entry_.deadline_ns =
            limit_ns_ == never_ns ? never_ns : saturating_add_ns(clock_ns(), limit_ns_);
    }
    void complete() { handler_.call(); }
    void own() {}

private:
    std::int64_t limit_ns_;
    plain_handler<Handler...> handler_;
};

template <typename... Handler> class deadline_case : public case_base {
public:
    template <typename... Given>
    explicit deadline_case(std::int64_t deadline_ns, Given&&... handler)
        : case_base{select_kind::deadline}, handler_{std::forward<Given>(handler)...} {
        entry_.deadline_ns = deadline_ns;
    }
    void complete() { handler_.call(); }
    void own() {}

private:
    plain_handler<Handler...> handler_;
};

template <typename... Handler> class otherwise_case : public case_base {
public:
    template <typename... Given>
    explicit otherwise_case(Given&&... handler)
        : case_base{select_kind::otherwise}, handler_{std::forward<Given>(handler)...} {}
    void complete() { handler_.call(); }
    void own() {}

private:
    plain_handler<Handler...> handler_;
};

/// A case behind a virtual door, for select_case.
struct any_case {
    any_case() = default;
    any_case(const any_case&) = delete;
    any_case& operator=(const any_case&) = delete;
    virtual ~any_case() = default;
    virtual select_entry& entry() noexcept = 0;
    virtual void prepare() = 0;
    virtual void complete() = 0;
};

template <typename Case> struct owned_case final : any_case {
    template <typename Given>
    explicit owned_case(Given&& given) : held{std::forward<Given>(given)} {
        held.own();
    }
    select_entry& entry() noexcept override { return held.entry(); }
    void prepare() override { held.prepare(); }
    void complete() override { held.complete(); }
    Case held;
};

} // namespace detail
} // namespace coir
