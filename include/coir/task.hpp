// SPDX-License-Identifier: MIT
#pragma once
// Owns starting coroutines and the handles to them.

#include <coir/detail/launch.hpp>

#include <atomic>
#include <cstdint>
#include <stop_token>
#include <string_view>

namespace coir {

/// Thrown by `task::join` when the task was cancelled. It is a std::exception, so that it is not
/// mistaken for the joiner's own cancellation.
class COIR_API task_cancelled final : public std::exception {
public:
    /// "coir: task was cancelled".
    [[nodiscard]] const char* what() const noexcept override { return "coir: task was cancelled"; }
};

/// A handle to a coroutine that `go` has started, and to its result. Move-only; dropping it
/// detaches the coroutine, which goes on.
///
///     coir::task<int> t = coir::go([] { return 42; });
///     int n = t.join();
template <typename T> class task {
    static_assert(!std::is_rvalue_reference_v<T>,
                  "coir: a task cannot return an rvalue reference, which would dangle: return the "
                  "value");

public:
    /// A nil task: it has nothing to join.
    task() noexcept = default;
    task(task&& other) noexcept : co_{other.take()}, id_{std::exchange(other.id_, 0)} {}
    task& operator=(task&& other) noexcept {
        if (this != &other) {
            drop();
            co_.store(other.take(), std::memory_order_relaxed);
            id_ = std::exchange(other.id_, 0);
        }
        return *this;
    }
    ~task() { drop(); }

    /// Waits for its end and returns the result, or rethrows what it threw. Throws task_cancelled
    /// if it was cancelled, std::logic_error if there is nothing to join (any more), and
    /// `cancelled` if the caller is cancelled while waiting; the task may then be joined again.
    /// What the task did happens before the return. From coroutines and threads.
    T join() {
        if constexpr (std::is_void_v<T>) {
            detail::join_task(co_);
        } else {
            detail::coroutine* const co = get();
            if (co == nullptr) detail::throw_not_joinable();
            const release joined{*this, detail::wait_for_task(*co)};
            if (joined.payload == nullptr) detail::rethrow_failure(*co);
            if constexpr (std::is_reference_v<T>) {
                return static_cast<T>(*joined.place().value);
            } else {
                return std::move(joined.place().value);
            }
        }
    }

    /// Cancels the coroutine: its next wait, or the one it is in, throws `cancelled`. Returns at
    /// once. One stopped before its first instruction never runs. Others may call it on a handle
    /// that somebody is joining; does nothing when the task has ended.
    void request_stop() noexcept {
        if (detail::coroutine* const co = get()) detail::stop_task(*co, id_);
    }

    /// Whether it has ended, or was joined. Throws std::logic_error for a nil task.
    [[nodiscard]] bool done() const {
        if (id_ == 0) detail::throw_not_joinable();
        detail::coroutine* const co = get();
        return co == nullptr || detail::task_done(*co, id_);
    }

    /// The number that reports show; unique in the process. 0 for a nil task.
    [[nodiscard]] std::uint64_t id() const noexcept { return id_; }

    /// Whether it can be joined.
    [[nodiscard]] explicit operator bool() const noexcept { return get() != nullptr; }

    /// A select case that is ready when the task has ended. The handler takes no argument.
    template <typename Handler> [[nodiscard]] auto on_done(Handler&& handler) const;
    [[nodiscard]] auto on_done() const;

private:
    friend struct detail::task_starter;

    explicit task(detail::coroutine& co) noexcept : co_{&co} {}

    /// Frees the coroutine when join is left, by return or by throw.
    struct release {
        task& owner;
        void* payload; ///< null: there is no result
        [[nodiscard]] auto& place() const noexcept {
            return *static_cast<detail::result_place<T>*>(payload);
        }
        ~release() {
            if (payload != nullptr) place().drop();
            detail::free_task(*owner.take());
        }
    };

    [[nodiscard]] detail::coroutine* get() const noexcept {
        return co_.load(std::memory_order_relaxed);
    }
    [[nodiscard]] detail::coroutine* take() noexcept {
        detail::coroutine* const held = get();
        co_.store(nullptr, std::memory_order_relaxed);
        return held;
    }
    void drop() noexcept {
        if (detail::coroutine* const held = take()) detail::detach_task(*held);
    }

    // Atomic for those who stop the task while its owner joins it. They may come too late, when the
    // record is somebody else's: the engine compares the id before it does anything.
    std::atomic<detail::coroutine*> co_{nullptr};
    std::uint64_t id_ = 0;
};

namespace detail {

struct task_starter {
    template <typename Request, typename Function, typename... Arguments>
    static task<start_result<Function, Arguments...>>
    start(const Request& request, Function&& function, Arguments&&... arguments) {
        coroutine& co = start_raw(request, std::forward<Function>(function),
                                  std::forward<Arguments>(arguments)...);
        task<start_result<Function, Arguments...>> handle{co}; // before the launch: it may end soon
        launch_task(co, handle.id_);
        return handle;
    }
};

template <typename Function, typename... Arguments>
task<start_result<Function, Arguments...>> start(runtime_core* runtime, const void* site,
                                                 const task_options& options, Function&& function,
                                                 Arguments&&... arguments) {
    start_request request;
    request.runtime = runtime;
    request.stack_size = options.stack_size;
    request.name = options.name;
    request.site = site;
    return task_starter::start(request, std::forward<Function>(function),
                               std::forward<Arguments>(arguments)...);
}

} // namespace detail

/// Starts a coroutine that calls `function(arguments...)`, with copies of both as std::thread makes
/// them. Returns at once. Throws std::logic_error outside of a runtime, and std::bad_alloc.
///
///     coir::go([] { ... });                        // fire and forget
///     coir::task<int> t = coir::go(f, 1, 2);
template <typename Function, typename... Arguments>
    requires detail::startable<Function, Arguments...>
COIR_NOINLINE task<detail::start_result<Function, Arguments...>> go(Function&& function,
                                                                    Arguments&&... arguments) {
    const void* const site = COIR_CALL_SITE;
    return detail::task_starter::start(site, std::forward<Function>(function),
                                       std::forward<Arguments>(arguments)...);
}

/// As above with options: `coir::go({.name = "fetcher", .stack_size = 1 << 20}, f)`.
template <typename Function, typename... Arguments>
    requires detail::startable<Function, Arguments...>
COIR_NOINLINE task<detail::start_result<Function, Arguments...>>
go(const task_options& options, Function&& function, Arguments&&... arguments) {
    return detail::start(nullptr, COIR_CALL_SITE, options, std::forward<Function>(function),
                         std::forward<Arguments>(arguments)...);
}

/// Lets others run; the caller goes on when those that are runnable have had their turn. Throws
/// `cancelled` in a cancelled scope. On a thread that is no worker: std::this_thread::yield.
COIR_API void yield();

namespace this_task {

/// The number of the running coroutine; 0 on other threads.
[[nodiscard]] COIR_API std::uint64_t id() noexcept;
/// The name of the running coroutine, valid while it lives; empty if it has none.
[[nodiscard]] COIR_API std::string_view name() noexcept;
/// A token of the innermost cancellation scope: stop is requested when it is cancelled. Throws
/// std::bad_alloc.
[[nodiscard]] COIR_API std::stop_token stop_token();

} // namespace this_task

} // namespace coir
