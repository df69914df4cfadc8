// SPDX-License-Identifier: MIT
#pragma once
// Owns `select`: waiting for many things, of which exactly one happens.
//
//     coir::select(
//         rx.on_recv([&](std::optional<int> v) { ... }),
//         tx.on_send(42, [&](bool sent) { ... }),
//         coir::on_timeout(1s, [&] { ... }));

#include <coir/chan.hpp>
#include <coir/detail/durations.hpp>
#include <coir/detail/select_cases.hpp>
#include <coir/task.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace coir {

/// A case whose kind is known at run time only, for any number of them in a vector. It owns the
/// value that it sends and keeps the channel that it uses; a task must outlive it. Copies share
/// both.
class select_case {
public:
    /// Takes over any case that `select` takes: `cases.emplace_back(rx.on_recv(...))`.
    template <detail::select_alternative Case>
        requires(!std::same_as<std::remove_cvref_t<Case>, select_case>)
    select_case(Case&& given)
        : case_{std::make_shared<detail::owned_case<std::remove_cvref_t<Case>>>(
              std::forward<Case>(given))} {}

    // What select needs of a case; tools/lib/doxygen_filter.py leaves it out.
    detail::select_entry& entry() noexcept { return case_->entry(); }
    void prepare() { case_->prepare(); }
    void complete() { case_->complete(); }

private:
    std::shared_ptr<detail::any_case> case_;
};

/// Ready once `limit` has passed since the select began. The handler takes no argument.
template <typename Rep, typename Period, typename... Handler>
[[nodiscard]] auto on_timeout(std::chrono::duration<Rep, Period> limit, Handler&&... handler) {
    return detail::timeout_case<std::decay_t<Handler>...>{detail::saturating_ns(limit),
                                                          std::forward<Handler>(handler)...};
}

/// Ready from `deadline` on. The handler takes no argument.
template <typename Duration, typename... Handler>
[[nodiscard]] auto
on_deadline(std::chrono::time_point<std::chrono::steady_clock, Duration> deadline,
            Handler&&... handler) {
    return detail::deadline_case<std::decay_t<Handler>...>{detail::saturating_deadline_ns(deadline),
                                                           std::forward<Handler>(handler)...};
}

/// Chosen when no other case is ready: the select then never waits. Go's `default`.
template <typename... Handler> [[nodiscard]] auto otherwise(Handler&&... handler) {
    return detail::otherwise_case<std::decay_t<Handler>...>{std::forward<Handler>(handler)...};
}

namespace detail {

template <typename... Cases> std::size_t select_among(bool biased, Cases&... cases) {
    (cases.prepare(), ...);
    std::array<select_entry*, sizeof...(Cases)> entries{&cases.entry()...};
    const std::size_t chosen = select_entries(entries, biased);
    std::size_t index = 0;
    ((index++ == chosen ? cases.complete() : void()), ...);
    return chosen;
}

COIR_API std::size_t select_of_many(bool biased, std::span<select_case> cases);

} // namespace detail

/// Waits until one of the cases can happen, lets exactly that one happen, runs its handler, and
/// returns its index. Among several that are ready the choice is uniformly random. Without a case
/// it waits until it is cancelled. Throws `cancelled` with nothing done, channel_closed (see
/// on_send), and what the handler throws. From coroutines and threads. The cost grows with the
/// number of cases.
template <detail::select_alternative... Cases> std::size_t select(Cases&&... cases) {
    return detail::select_among(false, cases...);
}
/// As select, but takes the first that is ready in the order written.
template <detail::select_alternative... Cases> std::size_t select_biased(Cases&&... cases) {
    return detail::select_among(true, cases...);
}
/// As select, over any number of cases, which may be used again.
inline std::size_t select(std::span<select_case> cases) {
    return detail::select_of_many(false, cases);
}
/// As select_biased, over any number of cases, which may be used again.
inline std::size_t select_biased(std::span<select_case> cases) {
    return detail::select_of_many(true, cases);
}
// Not in terms of each other: overloads are resolved by concepts that take long to compile.
/// As select over a span.
inline std::size_t select(std::vector<select_case>& cases) {
    return detail::select_of_many(false, std::span<select_case>{cases.data(), cases.size()});
}
/// As select_biased over a span.
inline std::size_t select_biased(std::vector<select_case>& cases) {
    return detail::select_of_many(true, std::span<select_case>{cases.data(), cases.size()});
}
/// As select over a span; for cases made in the call.
inline std::size_t select(std::vector<select_case>&& cases) {
    return detail::select_of_many(false, std::span<select_case>{cases.data(), cases.size()});
}
/// As select_biased over a span; for cases made in the call.
inline std::size_t select_biased(std::vector<select_case>&& cases) {
    return detail::select_of_many(true, std::span<select_case>{cases.data(), cases.size()});
}

// --- The cases of channels and tasks ---------------------------------------------------------

namespace detail {

template <typename Handle, typename T>
template <typename... Handler>
auto sending<Handle, T>::on_send(T&& value, Handler&&... handler) const {
    return send_case<T, std::decay_t<Handler>...>{sending_side().get(), std::move(value),
                                                  std::forward<Handler>(handler)...};
}
template <typename Handle, typename T>
template <typename... Handler>
auto sending<Handle, T>::on_send(const T& value, Handler&&... handler) const
    requires std::copy_constructible<T>
{
    return send_case<T, std::decay_t<Handler>...>{sending_side().get(), value,
                                                  std::forward<Handler>(handler)...};
}
template <typename Handle, typename T>
template <typename Handler>
auto receiving<Handle, T>::on_recv(Handler&& handler) const {
    return receive_case<T, std::decay_t<Handler>>{receiving_side().get(),
                                                  std::forward<Handler>(handler)};
}
template <typename Handle, typename T>
auto receiving<Handle, T>::on_recv(std::optional<T>& out) const {
    const auto store = [&out](std::optional<T> value) { out = std::move(value); };
    return receive_case<T, std::remove_const_t<decltype(store)>>{receiving_side().get(), store};
}
template <typename Handle, typename T> auto receiving<Handle, T>::on_recv() const {
    return receive_case<T>{receiving_side().get()};
}

} // namespace detail

template <typename T> template <typename Handler> auto task<T>::on_done(Handler&& handler) const {
    return detail::join_case<std::decay_t<Handler>>{get(), id_ != 0,
                                                    std::forward<Handler>(handler)};
}
template <typename T> auto task<T>::on_done() const { return detail::join_case<>{get(), id_ != 0}; }

} // namespace coir
