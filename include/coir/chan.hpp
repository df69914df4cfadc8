// SPDX-License-Identifier: MIT
#pragma once
// Owns the channel handles: chan<T>, sender<T>, receiver<T>.
//
// A channel carries values from any number of senders to any number of receivers, first in, first
// out; who has to wait is served in the order of arrival. The handles are like shared pointers:
// cheap to copy, and the channel lives as long as one of them. What happened before a send happens
// before the matching receive returns; the k-th receive on a channel of capacity C happens before
// the k+C-th send returns; closing happens before a receive that reports it.

#include <coir/cancelled.hpp>
#include <coir/detail/channel_handles.hpp>

#include <concepts>
#include <cstddef>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace coir {

/// Asks for a channel whose send never waits.
struct unbounded_t {
    explicit unbounded_t() = default;
};
/// `coir::chan<int> ch(coir::unbounded);`
inline constexpr unbounded_t unbounded{};

/// The sending end of a channel. A default-made or moved-from one is nil: its select cases are
/// never ready, any other use throws std::logic_error.
template <typename T> class sender : public detail::sending<sender<T>, T> {
public:
    sender() noexcept = default;
    /// A nil end, from `nullptr`.
    template <std::same_as<std::nullptr_t> Null> sender(Null) noexcept {}
    [[nodiscard]] friend bool operator==(const sender& left, const sender& right) noexcept {
        return left.sending_end_ == right.sending_end_;
    }

private:
    friend struct detail::channel_access;
    friend class detail::sending<sender<T>, T>;
    explicit sender(detail::sender_reference end) noexcept : sending_end_{std::move(end)} {}
    detail::sender_reference sending_end_;
};

/// The receiving end of a channel; nil as `sender` is.
template <typename T> class receiver : public detail::receiving<receiver<T>, T> {
public:
    receiver() noexcept = default;
    /// A nil end, from `nullptr`.
    template <std::same_as<std::nullptr_t> Null> receiver(Null) noexcept {}
    [[nodiscard]] friend bool operator==(const receiver& left, const receiver& right) noexcept {
        return left.receiving_end_ == right.receiving_end_;
    }

private:
    friend struct detail::channel_access;
    friend class detail::receiving<receiver<T>, T>;
    explicit receiver(detail::receiver_reference end) noexcept : receiving_end_{std::move(end)} {}
    detail::receiver_reference receiving_end_;
};

/// A channel with both its ends in one handle.
///
///     coir::chan<int> ch(16);
///     coir::go([tx = coir::sender(ch)] { std::ignore = tx.send(42); });
///     std::optional<int> v = ch.recv();
template <typename T>
class chan : public detail::sending<chan<T>, T>, public detail::receiving<chan<T>, T> {
public:
    /// Makes a rendezvous: a send waits for its receiver.
    chan() : chan{std::size_t{0}} {}
    /// Makes a channel that buffers up to `wanted` values; 0 is a rendezvous. Throws
    /// std::invalid_argument for a negative capacity.
    template <std::integral Integer>
        requires(!std::same_as<Integer, bool>)
    explicit chan(Integer wanted) {
        if (std::cmp_less(wanted, 0)) throw std::invalid_argument{"coir::chan: capacity below 0"};
        open(static_cast<std::size_t>(wanted));
    }
    /// Makes a channel whose send never waits.
    explicit chan(unbounded_t) { open(detail::unbounded_capacity); }
    /// Makes a nil handle.
    template <std::same_as<std::nullptr_t> Null> chan(Null) noexcept {}

    /// Gives an end of this channel; of a temporary, without counting handles up and down.
    operator sender<T>() const& noexcept {
        return detail::channel_access::make_sender<T>(sending_end_);
    }
    operator receiver<T>() const& noexcept {
        return detail::channel_access::make_receiver<T>(receiving_end_);
    }
    operator sender<T>() && noexcept {
        receiving_end_ = {};
        return detail::channel_access::make_sender<T>(std::move(sending_end_));
    }
    operator receiver<T>() && noexcept {
        sending_end_ = {};
        return detail::channel_access::make_receiver<T>(std::move(receiving_end_));
    }

    using detail::sending<chan<T>, T>::close;
    using detail::sending<chan<T>, T>::closed;
    using detail::sending<chan<T>, T>::size;
    using detail::sending<chan<T>, T>::capacity;
    using detail::sending<chan<T>, T>::operator bool;

    /// Tells whether both are handles of one channel, or nil.
    [[nodiscard]] friend bool operator==(const chan& left, const chan& right) noexcept {
        return left.sending_end_ == right.sending_end_;
    }

private:
    friend struct detail::channel_access;
    friend class detail::sending<chan<T>, T>;
    friend class detail::receiving<chan<T>, T>;

    void open(std::size_t wanted) {
        detail::channel_core* const made = detail::make_channel(detail::element_type_of<T>, wanted);
        sending_end_ = detail::sender_reference{made};
        receiving_end_ = detail::receiver_reference{made};
    }

    detail::sender_reference sending_end_;
    detail::receiver_reference receiving_end_;
};

/// `coir::sender(ch)` is an end of `ch`.
template <typename T> sender(const chan<T>&) -> sender<T>;
template <typename T> receiver(const chan<T>&) -> receiver<T>;

/// Makes a channel and returns its two ends; capacity 0 is a rendezvous.
///
///     auto [tx, rx] = coir::channel<int>(16);
template <typename T, std::integral Integer = std::size_t>
[[nodiscard]] std::pair<sender<T>, receiver<T>> channel(Integer capacity = 0) {
    const chan<T> both{capacity};
    return {both, both};
}
template <typename T> [[nodiscard]] std::pair<sender<T>, receiver<T>> channel(unbounded_t) {
    const chan<T> both{unbounded};
    return {both, both};
}

} // namespace coir
