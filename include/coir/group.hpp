// SPDX-License-Identifier: MIT
#pragma once
// Owns structure: groups of coroutines that end together, and what is built on them.

#include <coir/cancelled.hpp>
#include <coir/detail/launch.hpp>
#include <coir/sync/mutex.hpp>

#include <algorithm>
#include <cstddef>
#include <exception>
#include <functional>
#include <limits>
#include <mutex>
#include <optional>
#include <ranges>
#include <stop_token>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace coir {

/// Settings of a task_group.
struct task_group_options {
    /// How many members may be alive at once: `go` waits for room. 0: any number.
    std::size_t limit = 0;
    /// Cancels the group when stop is requested.
    std::stop_token stop = {};
};

namespace detail {

class group_core;

[[nodiscard]] COIR_API group_core* make_group(const task_group_options& options);
/// Cancels and joins the members, then frees the group.
COIR_API void end_group(group_core* group) noexcept;

/// Takes a member's place, waiting for it at the limit; false if the group is cancelled. Throws
/// `cancelled`.
[[nodiscard]] COIR_API bool enter_group(group_core& group);
/// Gives the place back: the member could not be made.
COIR_API void leave_group(group_core& group) noexcept;
/// Launches a coroutine that has a place.
COIR_API void launch_member(group_core& group, coroutine& member) noexcept;

/// Waits for the end of all members, then throws what task_group::wait does.
COIR_API void wait_for_group(group_core& group);
/// Only waits. Throws `cancelled` if the caller is.
COIR_API void join_group(group_core& group);
COIR_API void stop_group(group_core& group) noexcept;
[[nodiscard]] COIR_API bool is_group_stopped(const group_core& group) noexcept;

/// Owns a group_core and makes its members.
class group_handle {
public:
    explicit group_handle(const task_group_options& options) : core_{make_group(options)} {}
    group_handle(const group_handle&) = delete;
    group_handle& operator=(const group_handle&) = delete;
    ~group_handle() { end_group(core_); }

    [[nodiscard]] group_core& core() const noexcept { return *core_; }

    template <typename Function, typename... Arguments>
    void add(const task_options& options, Function&& function, Arguments&&... arguments) const {
        if (!enter_group(*core_)) return;
        start_request request;
        request.options = options;
        try {
            coroutine& member = start_raw(request, std::forward<Function>(function),
                                          std::forward<Arguments>(arguments)...);
            launch_member(*core_, member);
        } catch (...) {
            leave_group(*core_);
            throw;
        }
    }

private:
    group_core* core_;
};

} // namespace detail

/// Coroutines that belong together. The first exception that leaves a member cancels the others;
/// the destructor cancels and joins all that are left, so none outlives the group. When the
/// coroutine that made the group is cancelled while it waits for the group, so are the members.
///
///     coir::task_group group{{.limit = 8}};
///     for (const auto& url : urls) group.go([&url] { fetch(url); });
///     group.wait();
class task_group {
public:
    task_group() : task_group{task_group_options{}} {}
    explicit task_group(const task_group_options& options) : group_{options} {}
    task_group(const task_group&) = delete;
    task_group& operator=(const task_group&) = delete;
    /// Cancels and joins, whether or not the caller is cancelled. An exception that no wait() has
    /// collected is dropped.
    ~task_group() = default;

    /// Starts a member, as coir::go; what it returns is dropped. Waits while the limit is reached.
    /// A member of a cancelled group never runs. Members may add members. Throws `cancelled`, and
    /// as coir::go.
    template <typename Function, typename... Arguments>
        requires detail::startable<Function, Arguments...>
    void go(Function&& function, Arguments&&... arguments) {
        group_.add(task_options{}, std::forward<Function>(function),
                   std::forward<Arguments>(arguments)...);
    }
    template <typename Function, typename... Arguments>
        requires detail::startable<Function, Arguments...>
    void go(const task_options& options, Function&& function, Arguments&&... arguments) {
        group_.add(options, std::forward<Function>(function),
                   std::forward<Arguments>(arguments)...);
    }

    /// Waits until no member is left. Then throws the first exception that left one, else
    /// `cancelled` if the group was cancelled; the group may be used again (one whose external stop
    /// was requested stays cancelled). Throws `cancelled` also if the caller is cancelled while it
    /// waits. What members did happens before the return.
    void wait() { detail::wait_for_group(group_.core()); }

    /// Cancels the members; those added before the next wait() has returned never run. Any thread.
    void request_stop() noexcept { detail::stop_group(group_.core()); }

private:
    detail::group_handle group_;
};

namespace detail {

/// Hands out the elements of a range, one at a time, to coroutines that share the work.
template <typename Range> class work_list {
public:
    explicit work_list(Range& range)
        : next_{std::ranges::begin(range)}, end_{std::ranges::end(range)} {}

    struct item {
        std::ranges::iterator_t<Range> element;
        std::size_t index;
    };
    std::optional<item> take() {
        const std::scoped_lock guard{lock_};
        if (next_ == end_) return std::nullopt;
        return item{next_++, index_++};
    }

private:
    mutex lock_;
    std::ranges::iterator_t<Range> next_;
    std::ranges::sentinel_t<Range> end_;
    std::size_t index_ = 0;
};

/// Calls `visit(element, index)` for each element, `limit` at a time. A first exception ends it.
template <typename Range, typename Visit>
void share_out(Range& range, std::size_t limit, Visit&& visit) {
    const auto count = static_cast<std::size_t>(std::ranges::distance(range));
    work_list<Range> work{range};
    const group_handle group{task_group_options{}};
    const auto serve = [&] {
        while (!is_group_stopped(group.core())) {
            auto item = work.take();
            if (!item) return;
            visit(*item->element, item->index);
        }
    };
    for (std::size_t i = std::min(count, limit == 0 ? count : limit); i > 0; --i) {
        group.add(task_options{}, serve);
    }
    wait_for_group(group.core());
}

} // namespace detail

/// Calls `function(element)` for each element, at most `limit` at a time (0: all at once), each
/// call in a coroutine that may serve several, one after the other. Returns when all have returned.
/// The first exception cancels the others and is rethrown. Elements are passed by reference.
template <std::ranges::forward_range Range, typename Function>
    requires std::invocable<Function&, std::ranges::range_reference_t<Range>>
void for_each(Range&& range, Function&& function, std::size_t limit = 0) {
    detail::share_out(range, limit, [&](auto&& element, std::size_t) {
        static_cast<void>(std::invoke(function, std::forward<decltype(element)>(element)));
    });
}

/// As for_each, and returns the results in the order of the elements.
///
///     std::vector<std::string> pages = coir::map(urls, fetch, 64);
template <std::ranges::forward_range Range, typename Function>
    requires std::invocable<Function&, std::ranges::range_reference_t<Range>>
auto map(Range&& range, Function&& function, std::size_t limit = 0) {
    using result =
        std::remove_cvref_t<std::invoke_result_t<Function&, std::ranges::range_reference_t<Range>>>;
    static_assert(!std::is_void_v<result>, "coir::map: the function returns nothing; use for_each");
    std::vector<std::optional<result>> places(
        static_cast<std::size_t>(std::ranges::distance(range)));
    detail::share_out(range, limit, [&](auto&& element, std::size_t index) {
        places[index].emplace(std::invoke(function, std::forward<decltype(element)>(element)));
    });
    std::vector<result> results;
    results.reserve(places.size());
    for (auto& place : places) {
        if (!place) throw cancelled{}; // its coroutine was cut short, and soon so are we
        results.push_back(std::move(*place));
    }
    return results;
}

namespace detail {

/// The result of one part of `all` or `race`, while it runs.
template <typename Result> class part {
public:
    using type = std::conditional_t<std::is_void_v<Result>, std::monostate, Result>;
    using stored =
        std::conditional_t<std::is_reference_v<Result>, std::add_pointer_t<Result>, type>;

    template <typename Function> static stored call(Function& function) {
        if constexpr (std::is_void_v<Result>) {
            std::invoke(function);
            return {};
        } else if constexpr (std::is_reference_v<Result>) {
            return &std::invoke(function);
        } else {
            return std::invoke(function);
        }
    }
    template <typename Function> void run(Function& function) { value_.emplace(call(function)); }
    void fill(stored&& value) { value_.emplace(std::move(value)); }
    [[nodiscard]] bool filled() const noexcept { return value_.has_value(); }
    type take() {
        if (!value_) throw cancelled{}; // cut short, and soon so are we
        if constexpr (std::is_reference_v<Result>) {
            return static_cast<type>(**value_);
        } else {
            return std::move(*value_);
        }
    }

private:
    std::optional<stored> value_;
};

/// Where the runners of a race report; the first result or error stays.
template <typename Result> class race_course {
public:
    /// Returns whether it has won.
    template <typename Function> bool run(Function& function) {
        try {
            auto value = part<Result>::call(function);
            const std::scoped_lock guard{lock_};
            if (winner_.filled()) return false;
            winner_.fill(std::move(value));
            return true;
        } catch (const cancelled&) {
            throw;
        } catch (...) {
            const std::scoped_lock guard{lock_};
            if (first_error_ == nullptr) first_error_ = std::current_exception();
            return false;
        }
    }

    typename part<Result>::type result() {
        if (!winner_.filled() && first_error_ != nullptr) std::rethrow_exception(first_error_);
        return winner_.take();
    }

private:
    mutex lock_;
    part<Result> winner_;
    std::exception_ptr first_error_;
};

} // namespace detail

/// Runs the functions concurrently and returns their results, or throws the first error, having
/// cancelled and joined the others. A function that returns nothing gives std::monostate.
///
///     auto [user, orders] = coir::all([&] { return find_user(id); }, [&] { return find_orders(id);
///     });
template <std::invocable... Functions>
std::tuple<typename detail::part<std::invoke_result_t<Functions&>>::type...>
all(Functions&&... functions) {
    std::tuple<detail::part<std::invoke_result_t<Functions&>>...> parts;
    task_group group;
    std::apply(
        [&](auto&... part) { (group.go([&part, &functions] { part.run(functions); }), ...); },
        parts);
    group.wait();
    return std::apply(
        [](auto&... part) {
            return std::tuple<typename detail::part<std::invoke_result_t<Functions&>>::type...>{
                part.take()...};
        },
        parts);
}

/// Runs the functions concurrently and returns the result of the first that succeeds, having
/// cancelled and joined the others. If all fail, throws the error that came first.
///
///     auto reply = coir::race([&] { return ask(primary); }, [&] { return ask(replica); });
template <std::invocable First, std::invocable... Others>
auto race(First&& first, Others&&... others) ->
    typename detail::part<std::invoke_result_t<First&>>::type {
    using result = std::invoke_result_t<First&>;
    static_assert((std::is_same_v<result, std::invoke_result_t<Others&>> && ...),
                  "coir::race: the functions must all return the same type");
    detail::race_course<result> course;
    const detail::group_handle group{task_group_options{}};
    const auto start = [&](auto& function) {
        group.add(task_options{}, [&group, &course, &function] {
            if (course.run(function)) detail::stop_group(group.core());
        });
    };
    start(first);
    (start(others), ...);
    detail::join_group(group.core());
    return course.result();
}

} // namespace coir
