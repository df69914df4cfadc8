// SPDX-License-Identifier: MIT
#pragma once
// Owns what the channel handles share: counted references to the two sides, and their verbs.

#include <coir/detail/channel_core.hpp>
#include <coir/detail/deadline.hpp>
#include <coir/detail/durations.hpp>
#include <coir/sendable.hpp>

#include <concepts>
#include <iterator>
#include <optional>
#include <utility>

namespace coir {

template <typename T> class sender;
template <typename T> class receiver;

namespace detail {

/// A counted reference to one side of a channel; null is nil.
template <void (*Add)(channel_core&) noexcept, void (*Drop)(channel_core&) noexcept>
class side_reference {
public:
    side_reference() noexcept = default;
    /// Takes over a count that is there already.
    explicit side_reference(channel_core* counted) noexcept : core_{counted} {}
    side_reference(const side_reference& other) noexcept : core_{other.core_} {
        if (core_ != nullptr) Add(*core_);
    }
    side_reference(side_reference&& other) noexcept : core_{std::exchange(other.core_, nullptr)} {}
    side_reference& operator=(side_reference other) noexcept {
        std::swap(core_, other.core_);
        return *this;
    }
    ~side_reference() {
        if (core_ != nullptr) Drop(*core_);
    }

    /// Adds a count of its own to the side of a channel that somebody else keeps alive.
    [[nodiscard]] static side_reference share(channel_core* kept) noexcept {
        if (kept != nullptr) Add(*kept);
        return side_reference{kept};
    }

    [[nodiscard]] channel_core* get() const noexcept { return core_; }
    [[nodiscard]] channel_core& operator*() const {
        if (core_ == nullptr) [[unlikely]]
            throw_nil_channel();
        return *core_;
    }
    [[nodiscard]] friend bool operator==(const side_reference&,
                                         const side_reference&) noexcept = default;

private:
    channel_core* core_ = nullptr;
};

using sender_reference = side_reference<add_sender, drop_sender>;
using receiver_reference = side_reference<add_receiver, drop_receiver>;

struct channel_access {
    template <typename T> static sender<T> make_sender(sender_reference end) noexcept {
        return sender<T>{std::move(end)};
    }
    template <typename T> static receiver<T> make_receiver(receiver_reference end) noexcept {
        return receiver<T>{std::move(end)};
    }
};

template <typename T> consteval void require_element() {
    static_assert(!std::is_reference_v<T> && !std::is_const_v<T>,
                  "coir: a channel carries values: name a plain type");
    static_assert(std::is_nothrow_move_constructible_v<T> && std::is_nothrow_destructible_v<T>,
                  "coir: a channel's elements must move without throwing, so that none is lost on "
                  "the way: send a std::unique_ptr to it");
    require_sendable<T>();
}

/// The verbs of whoever can send; `Handle` has a `sending_end_`.
template <typename Handle, typename T> class sending {
public:
    using value_type = T;

    /// Sends, waiting while the channel is full. False when it can never be received, because the
    /// channel is closed or becomes so while waiting: `value` is then untouched. Throws `cancelled`
    /// with nothing sent, and std::bad_alloc. From coroutines and threads.
    [[nodiscard]] bool send(T&& value) const {
        return channel_send(core(), std::addressof(value), wait_for_ever_ns) ==
               channel_status::success;
    }
    /// Sends a copy.
    [[nodiscard]] bool send(const T& value) const
        requires std::copy_constructible<T>
    {
        return send(T(value));
    }

    /// Sends if that is possible at once: success, full or closed.
    [[nodiscard]] channel_status try_send(T&& value) const {
        return channel_send(core(), std::addressof(value), never_wait_ns);
    }
    [[nodiscard]] channel_status try_send(const T& value) const
        requires std::copy_constructible<T>
    {
        return try_send(T(value));
    }

    /// Sends, waiting no longer than `limit`: success, closed or timeout. Throws as send does.
    template <typename Rep, typename Period>
    [[nodiscard]] channel_status send_for(std::chrono::duration<Rep, Period> limit,
                                          T&& value) const {
        return channel_send(core(), std::addressof(value), deadline_after(limit));
    }
    template <typename Rep, typename Period>
    [[nodiscard]] channel_status send_for(std::chrono::duration<Rep, Period> limit,
                                          const T& value) const
        requires std::copy_constructible<T>
    {
        return send_for(limit, T(value));
    }
    template <typename Duration>
    [[nodiscard]] channel_status
    send_until(std::chrono::time_point<std::chrono::steady_clock, Duration> deadline,
               T&& value) const {
        return channel_send(core(), std::addressof(value), saturating_deadline_ns(deadline));
    }
    template <typename Duration>
    [[nodiscard]] channel_status
    send_until(std::chrono::time_point<std::chrono::steady_clock, Duration> deadline,
               const T& value) const
        requires std::copy_constructible<T>
    {
        return send_until(deadline, T(value));
    }

    /// A select case that sends `value`; see <coir/select.hpp>. The handler takes whether it was
    /// sent; without such a handler a closed channel makes select throw channel_closed.
    template <typename... Handler>
    [[nodiscard]] auto on_send(T&& value, Handler&&... handler) const;
    template <typename... Handler>
    [[nodiscard]] auto on_send(const T& value, Handler&&... handler) const
        requires std::copy_constructible<T>;

    /// Closes the channel: sends fail, receivers drain what is buffered. Idempotent.
    void close() const { channel_close(core()); }
    [[nodiscard]] bool closed() const { return is_channel_closed(core()); }
    /// How many values are buffered; out of date as soon as it is known.
    [[nodiscard]] std::size_t size() const { return channel_size(core()); }
    /// How many values can be buffered; the largest std::size_t if unbounded.
    [[nodiscard]] std::size_t capacity() const { return channel_capacity(core()); }
    /// Whether the handle is not nil.
    [[nodiscard]] explicit operator bool() const noexcept {
        return sending_side().get() != nullptr;
    }
    [[nodiscard]] friend bool operator==(const Handle& handle, std::nullptr_t) noexcept {
        return static_cast<const sending&>(handle).sending_side().get() == nullptr;
    }

protected:
    sending() noexcept { require_element<T>(); }

private:
    [[nodiscard]] const sender_reference& sending_side() const noexcept {
        return static_cast<const Handle*>(this)->sending_end_;
    }
    [[nodiscard]] channel_core& core() const { return *sending_side(); }
};

/// Goes through a channel until it is closed and drained.
template <typename Source, typename T> class receiving_iterator {
public:
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = std::input_iterator_tag;

    receiving_iterator() = default;
    explicit receiving_iterator(const Source& source) : source_{&source}, value_{source.recv()} {}

    [[nodiscard]] T& operator*() const noexcept { return *value_; }
    receiving_iterator& operator++() {
        value_ = source_->recv();
        return *this;
    }
    void operator++(int) { ++*this; }
    [[nodiscard]] friend bool operator==(const receiving_iterator& at,
                                         std::default_sentinel_t) noexcept {
        return !at.value_.has_value();
    }

private:
    const Source* source_ = nullptr;
    mutable std::optional<T> value_;
};

/// The verbs of whoever can receive; `Handle` has a `receiving_end_`.
template <typename Handle, typename T> class receiving {
public:
    using value_type = T;

    /// Receives, waiting while the channel is empty; nullopt once it is closed and drained. Throws
    /// `cancelled` with nothing received. From coroutines and threads.
    [[nodiscard]] std::optional<T> recv() const {
        if constexpr (is_trivial_element<T>) {
            landing_place<T> place;
            return place.take(channel_receive(core(), place.address(), wait_for_ever_ns) ==
                              channel_status::success);
        } else {
            std::optional<T> out; // the caller's own: nothing is moved twice
            channel_receive(core(), &out, wait_for_ever_ns);
            return out;
        }
    }

    /// Receives if that is possible at once: success, empty or closed. `out` keeps its value unless
    /// success.
    [[nodiscard]] channel_status try_recv(T& out) const { return receive(out, never_wait_ns); }
    [[nodiscard]] channel_status try_recv(std::optional<T>& out) const {
        return receive(out, never_wait_ns);
    }

    /// Receives, waiting no longer than `limit`: success, closed or timeout. Throws as recv does.
    template <typename Rep, typename Period, typename Out>
    [[nodiscard]] channel_status recv_for(std::chrono::duration<Rep, Period> limit,
                                          Out& out) const {
        return receive(out, deadline_after(limit));
    }
    template <typename Duration, typename Out>
    [[nodiscard]] channel_status
    recv_until(std::chrono::time_point<std::chrono::steady_clock, Duration> deadline,
               Out& out) const {
        return receive(out, saturating_deadline_ns(deadline));
    }

    /// A select case that receives; see <coir/select.hpp>. The handler takes a std::optional<T>,
    /// empty when the channel is closed and drained.
    template <typename Handler> [[nodiscard]] auto on_recv(Handler&& handler) const;
    [[nodiscard]] auto on_recv(std::optional<T>& out) const;
    [[nodiscard]] auto on_recv() const;

    /// `for (auto& value : rx)` receives until the channel is closed and drained. The value is the
    /// loop's own: it may be moved from.
    [[nodiscard]] auto begin() const {
        return receiving_iterator<Handle, T>{static_cast<const Handle&>(*this)};
    }
    [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

    /// Closes the channel: sends fail, receivers drain what is buffered. Idempotent.
    void close() const { channel_close(core()); }
    [[nodiscard]] bool closed() const { return is_channel_closed(core()); }
    [[nodiscard]] std::size_t size() const { return channel_size(core()); }
    [[nodiscard]] std::size_t capacity() const { return channel_capacity(core()); }
    [[nodiscard]] explicit operator bool() const noexcept {
        return receiving_side().get() != nullptr;
    }
    [[nodiscard]] friend bool operator==(const Handle& handle, std::nullptr_t) noexcept
        requires(!std::derived_from<Handle, sending<Handle, T>>)
    {
        return static_cast<const receiving&>(handle).receiving_side().get() == nullptr;
    }

protected:
    receiving() noexcept { require_element<T>(); }

private:
    [[nodiscard]] const receiver_reference& receiving_side() const noexcept {
        return static_cast<const Handle*>(this)->receiving_end_;
    }
    [[nodiscard]] channel_core& core() const { return *receiving_side(); }

    channel_status receive(std::optional<T>& out, std::int64_t deadline_ns) const {
        landing_place<T> place;
        const channel_status status = channel_receive(core(), place.address(), deadline_ns);
        if (status == channel_status::success) out.emplace(*place.take(true));
        return status;
    }
    channel_status receive(T& out, std::int64_t deadline_ns) const {
        landing_place<T> place;
        const channel_status status = channel_receive(core(), place.address(), deadline_ns);
        if (status == channel_status::success) out = *place.take(true);
        return status;
    }
};

} // namespace detail
} // namespace coir
