// SPDX-License-Identifier: MIT
#pragma once
// Owns the door between the typed tasks and the coroutines that run them.

#include <coir/detail/config.hpp>
#include <coir/runtime_options.hpp>

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace coir {

/// Settings of one coroutine.
struct task_options {
    /// Shown in reports; need not be unique.
    std::string name = {};
    /// Usable bytes of its stack; 0: the runtime's choice.
    std::size_t stack_size = 0;
};

template <typename T> class task;

namespace detail {

struct coroutine;
class runtime_core;
struct run_session;

/// How a coroutine handles its payload: the callable, and what it returned.
struct payload_operations {
    void (*invoke)(void* payload);
    void (*drop_callable)(void* payload) noexcept; ///< null: there is nothing to do
    void (*drop_result)(void* payload) noexcept;
    std::size_t bytes;
    std::size_t alignment;
    bool usual; ///< neither is large: see below
};

inline constexpr std::size_t usual_payload_bytes = 1024;
inline constexpr std::size_t usual_payload_alignment = 64;

/// What else may be asked for.
struct start_request {
    runtime_core* runtime = nullptr; ///< null: that of the calling coroutine
    run_session* session = nullptr;  ///< null: that of the calling coroutine, or the runtime's own
    std::size_t stack_size = 0;      ///< 0: the runtime's
    std::string_view name = {};
    const void* site = nullptr; ///< the return address of what the user called, for the reports
};

struct prepared_task {
    coroutine& co;
    void* payload; ///< raw memory
};

/// Makes a coroutine; the payload is constructed by the caller, who then launches it or, if that
/// failed, abandons it. Throws std::logic_error when there is no runtime, and std::bad_alloc.
[[nodiscard]] COIR_API prepared_task prepare_task(const payload_operations& operations,
                                                  const start_request& request);
/// As above for a request of nothing but a `site`; what most coroutines are made by.
[[nodiscard]] COIR_API prepared_task prepare_task(const payload_operations& operations,
                                                  const void* site);
COIR_API void launch_task(coroutine& co) noexcept;
/// Writes its number to `id` before.
COIR_API void launch_task(coroutine& co, std::uint64_t& id) noexcept;
COIR_API void abandon_task(coroutine& co) noexcept;

/// Waits until it has ended. Returns its payload, or null if it has failed. Throws `cancelled`.
[[nodiscard]] COIR_API void* wait_for_task(coroutine& co);
/// After the wait, if it has failed: throws what the coroutine threw, or task_cancelled.
[[noreturn]] COIR_API void rethrow_failure(coroutine& co);
/// After the wait, with the result gone: frees the coroutine.
COIR_API void free_task(coroutine& co) noexcept;
/// All of that for a task without a result; `handle` is then null. Throws std::logic_error if it is
/// so before.
COIR_API void join_task(std::atomic<coroutine*>& handle);
/// Gives the handle up, whatever the coroutine is doing.
COIR_API void detach_task(coroutine& co) noexcept;
/// These two take a coroutine that may have been freed, and its record be used again, meanwhile.
COIR_API void stop_task(coroutine& co, std::uint64_t id) noexcept;
[[nodiscard]] COIR_API bool task_done(coroutine& co, std::uint64_t id) noexcept;

/// Throws std::logic_error if the caller is a coroutine.
COIR_API void refuse_in_coroutine(const char* what);
[[noreturn]] COIR_API COIR_COLD void throw_not_joinable();

template <typename Function, typename... Arguments>
concept startable = std::invocable<std::decay_t<Function>, std::decay_t<Arguments>...> &&
                    (std::constructible_from<std::decay_t<Arguments>, Arguments> && ...);

template <typename Function, typename... Arguments>
using start_result = std::invoke_result_t<std::decay_t<Function>, std::decay_t<Arguments>...>;

/// The first part of every payload, so that a task<T> finds it without knowing the callable.
template <typename Result> struct result_place {
    using stored =
        std::conditional_t<std::is_reference_v<Result>, std::remove_reference_t<Result>*, Result>;
    union {
        stored value;
    };
    bool present = false;

    result_place() noexcept {}
    ~result_place() {}

    template <typename Call> void fill(Call&& call) {
        if constexpr (std::is_reference_v<Result>) {
            value = &call();
        } else {
            ::new (static_cast<void*>(std::addressof(value))) stored(call());
        }
        present = true;
    }
    void drop() noexcept {
        if (!present) return;
        present = false;
        if constexpr (!std::is_trivially_destructible_v<stored>) value.~stored();
    }
};

template <> struct result_place<void> {
    template <typename Call> void fill(Call&& call) { std::forward<Call>(call)(); }
    void drop() noexcept {}
};

template <typename Result, typename Function, typename... Arguments>
struct task_payload : result_place<Result> {
    union {
        std::tuple<Function, Arguments...> call;
    };

    template <typename... Given> explicit task_payload(Given&&... given) {
        ::new (static_cast<void*>(std::addressof(call)))
            std::tuple<Function, Arguments...>(std::forward<Given>(given)...);
    }
    ~task_payload() {}

    static void invoke(void* payload) {
        auto& self = *static_cast<task_payload*>(payload);
        self.fill([&]() -> Result {
            return std::apply(
                [](Function& function, Arguments&... arguments) -> Result {
                    return std::invoke(std::move(function), std::move(arguments)...);
                },
                self.call);
        });
        // Keeps the call above from being a jump, which would leave no frame of the user's function
        // for the reports when that ends by a wait.
        asm volatile("");
    }
    static void drop_callable(void* payload) noexcept {
        std::destroy_at(std::addressof(static_cast<task_payload*>(payload)->call));
    }
    static void drop_result(void* payload) noexcept { static_cast<task_payload*>(payload)->drop(); }
    static constexpr bool has_trivial_callable =
        std::is_trivially_destructible_v<std::tuple<Function, Arguments...>>;
};

template <typename Payload>
inline constexpr payload_operations operations_on{
    Payload::invoke,
    Payload::has_trivial_callable ? nullptr : Payload::drop_callable,
    Payload::drop_result,
    sizeof(Payload),
    alignof(Payload),
    sizeof(Payload) <= usual_payload_bytes && alignof(Payload) <= usual_payload_alignment};

/// Makes a coroutine with its payload. `Request`: a start_request, or a site alone.
template <typename Request, typename Function, typename... Arguments>
[[nodiscard]] coroutine& start_raw(const Request& request, Function&& function,
                                   Arguments&&... arguments) {
    using payload = task_payload<start_result<Function, Arguments...>, std::decay_t<Function>,
                                 std::decay_t<Arguments>...>;
    const prepared_task made = prepare_task(operations_on<payload>, request);
    try {
        ::new (made.payload)
            payload(std::forward<Function>(function), std::forward<Arguments>(arguments)...);
    } catch (...) {
        abandon_task(made.co);
        throw;
    }
    return made.co;
}

struct task_starter;

} // namespace detail
} // namespace coir
