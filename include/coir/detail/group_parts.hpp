// SPDX-License-Identifier: MIT
#pragma once
// Owns what the templates of group.hpp stand on: the door to a group, and how its parts report.

#include <coir/cancelled.hpp>
#include <coir/detail/launch.hpp>
#include <coir/sync/mutex.hpp>

#include <cstddef>
#include <exception>
#include <functional>
#include <iterator>
#include <mutex>
#include <optional>
#include <stop_token>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

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
    void add(const void* site, Function&& function, Arguments&&... arguments) const {
        add_requested(site, std::forward<Function>(function),
                      std::forward<Arguments>(arguments)...);
    }
    template <typename Function, typename... Arguments>
    void add_with(const task_options& options, const void* site, Function&& function,
                  Arguments&&... arguments) const {
        start_request request;
        request.stack_size = options.stack_size;
        request.name = options.name;
        request.site = site;
        add_requested(request, std::forward<Function>(function),
                      std::forward<Arguments>(arguments)...);
    }

private:
    template <typename Request, typename Function, typename... Arguments>
    void add_requested(const Request& request, Function&& function,
                       Arguments&&... arguments) const {
        if (!enter_group(*core_)) return;
        try {
            coroutine& member = start_raw(request, std::forward<Function>(function),
                                          std::forward<Arguments>(arguments)...);
            launch_member(*core_, member);
        } catch (...) {
            leave_group(*core_);
            throw;
        }
    }

    group_core* core_;
};

/// What map and for_each take: anything with a begin and an end that can be gone through twice. The
/// concepts of <ranges> would cost every user that header's compilation.
template <typename Range>
concept elements = requires(Range& range) {
    { std::begin(range) } -> std::forward_iterator;
    { std::end(range) } -> std::sentinel_for<decltype(std::begin(range))>;
};
template <typename Range> using element_iterator = decltype(std::begin(std::declval<Range&>()));
template <typename Range> using element_sentinel = decltype(std::end(std::declval<Range&>()));
template <typename Range> using element_reference = std::iter_reference_t<element_iterator<Range>>;

template <typename Range> std::size_t count_elements(Range& range) {
    if constexpr (requires { std::size(range); }) {
        return static_cast<std::size_t>(std::size(range));
    } else {
        return static_cast<std::size_t>(std::ranges::distance(std::begin(range), std::end(range)));
    }
}

/// Hands out the elements of a range, one at a time, to coroutines that share the work.
template <typename Range> class work_list {
public:
    explicit work_list(Range& range) : next_{std::begin(range)}, end_{std::end(range)} {}

    struct item {
        element_iterator<Range> element;
        std::size_t index;
    };
    std::optional<item> take() {
        const std::scoped_lock guard{lock_};
        if (next_ == end_) return std::nullopt;
        return item{next_++, index_++};
    }

private:
    mutex lock_;
    element_iterator<Range> next_;
    element_sentinel<Range> end_;
    std::size_t index_ = 0;
};

/// Calls `visit(element, index)` for each element, `limit` at a time. A first exception ends it.
template <typename Range, typename Visit>
void share_out(const void* site, Range& range, std::size_t limit, Visit&& visit) {
    const std::size_t count = count_elements(range);
    work_list<Range> work{range};
    const group_handle group{task_group_options{}};
    const auto serve = [&] {
        while (!is_group_stopped(group.core())) {
            auto item = work.take();
            if (!item) return;
            visit(*item->element, item->index);
        }
    };
    const std::size_t servers = limit == 0 || count < limit ? count : limit;
    for (std::size_t i = 0; i < servers; ++i) {
        group.add(site, serve);
    }
    wait_for_group(group.core());
}

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

template <typename Result, typename Function>
void start_part(const void* site, const group_handle& group, part<Result>& result,
                Function& function) {
    group.add(site, [&result, &function] { result.run(function); });
}

template <typename... Results>
std::tuple<typename part<Results>::type...> take_parts(part<Results>&... parts) {
    return std::tuple<typename part<Results>::type...>{parts.take()...};
}

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
} // namespace coir
