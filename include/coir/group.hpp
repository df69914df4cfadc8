// SPDX-License-Identifier: MIT
#pragma once
// Owns structure: groups of coroutines that end together, and what is built on them.

#include <coir/cancelled.hpp>
#include <coir/detail/group_parts.hpp>

#include <cstddef>
#include <functional>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace coir {

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
    /// Makes a group with a limit, or with a token that cancels it.
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
    COIR_NOINLINE void go(Function&& function, Arguments&&... arguments) {
        group_.add(COIR_CALL_SITE, std::forward<Function>(function),
                   std::forward<Arguments>(arguments)...);
    }
    template <typename Function, typename... Arguments>
        requires detail::startable<Function, Arguments...>
    COIR_NOINLINE void go(const task_options& options, Function&& function,
                          Arguments&&... arguments) {
        group_.add_with(options, COIR_CALL_SITE, std::forward<Function>(function),
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

/// Calls `function(element)` for each element, at most `limit` at a time (0: all at once), each
/// call in a coroutine that may serve several, one after the other. Returns when all have returned.
/// The first exception cancels the others and is rethrown. Elements are passed by reference.
template <detail::elements Range, typename Function>
    requires std::invocable<Function&, detail::element_reference<Range>>
COIR_NOINLINE void for_each(Range&& range, Function&& function, std::size_t limit = 0) {
    detail::share_out(COIR_CALL_SITE, range, limit, [&](auto&& element, std::size_t) {
        static_cast<void>(std::invoke(function, std::forward<decltype(element)>(element)));
    });
}

/// As for_each, and returns the results in the order of the elements.
///
///     std::vector<std::string> pages = coir::map(urls, fetch, 64);
template <detail::elements Range, typename Function>
    requires std::invocable<Function&, detail::element_reference<Range>>
COIR_NOINLINE auto map(Range&& range, Function&& function, std::size_t limit = 0) {
    using result =
        std::remove_cvref_t<std::invoke_result_t<Function&, detail::element_reference<Range>>>;
    static_assert(!std::is_void_v<result>, "coir::map: the function returns nothing; use for_each");
    std::vector<std::optional<result>> places(detail::count_elements(range));
    detail::share_out(COIR_CALL_SITE, range, limit, [&](auto&& element, std::size_t index) {
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

/// Runs the functions concurrently and returns their results, or throws the first error, having
/// cancelled and joined the others. A function that returns nothing gives std::monostate.
///
///     auto [user, orders] = coir::all([&] { return find_user(id); }, [&] { return find_orders(id);
///     });
template <std::invocable... Functions>
COIR_NOINLINE std::tuple<typename detail::part<std::invoke_result_t<Functions&>>::type...>
all(Functions&&... functions) {
    std::tuple<detail::part<std::invoke_result_t<Functions&>>...> parts;
    const detail::group_handle group{task_group_options{}};
    const void* const site = COIR_CALL_SITE;
    std::apply([&](auto&... part) { (detail::start_part(site, group, part, functions), ...); },
               parts);
    detail::wait_for_group(group.core());
    return std::apply([](auto&... part) { return detail::take_parts(part...); }, parts);
}

/// Runs the functions concurrently and returns the result of the first that succeeds, having
/// cancelled and joined the others. If all fail, throws the error that came first.
///
///     auto reply = coir::race([&] { return ask(primary); }, [&] { return ask(replica); });
template <std::invocable First, std::invocable... Others>
COIR_NOINLINE auto race(First&& first, Others&&... others) ->
    typename detail::part<std::invoke_result_t<First&>>::type {
    using result = std::invoke_result_t<First&>;
    static_assert((std::is_same_v<result, std::invoke_result_t<Others&>> && ...),
                  "coir::race: the functions must all return the same type");
    detail::race_course<result> course;
    const detail::group_handle group{task_group_options{}};
    const void* const site = COIR_CALL_SITE;
    const auto start = [&](auto& function) {
        group.add(site, [&group, &course, &function] {
            if (course.run(function)) detail::stop_group(group.core());
        });
    };
    start(first);
    (start(others), ...);
    detail::join_group(group.core());
    return course.result();
}

} // namespace coir
