// SPDX-License-Identifier: MIT
#pragma once
// Owns the way out for code that blocks its thread.

#include <coir/detail/config.hpp>
#include <coir/detail/launch.hpp>

#include <concepts>
#include <exception>
#include <type_traits>
#include <utility>

namespace coir {
namespace detail {

/// Runs `call(argument)` on a thread of the runtime's pool and waits for its end, which no
/// cancellation cuts short; on a thread that is no worker, simply calls it. Throws
/// std::system_error when no thread can be had.
COIR_API void run_blocking(void (*call)(void*) noexcept, void* argument);

} // namespace detail

/// Runs `body`, which may block its thread (a legacy call, a long computation), on a pool of
/// threads that grows and shrinks, and parks only the caller. Returns what `body` returns, or
/// rethrows. The call cannot be cut short: a cancelled caller waits for it, and is cancelled at its
/// next wait.
///
///     auto record = coir::blocking([&] { return legacy_lookup(key); });
template <std::invocable Body> std::invoke_result_t<Body> blocking(Body&& body) {
    using result = std::invoke_result_t<Body>;
    struct call_state {
        Body& body;
        detail::result_place<result> place;
        std::exception_ptr failure;
    } call{body, {}, nullptr};
    detail::run_blocking(
        [](void* argument) noexcept {
            auto& self = *static_cast<call_state*>(argument);
            try {
                self.place.fill([&]() -> result { return std::invoke(self.body); });
            } catch (...) {
                self.failure = std::current_exception();
            }
        },
        &call);
    if (call.failure != nullptr) std::rethrow_exception(std::move(call.failure));
    if constexpr (std::is_reference_v<result>) {
        return static_cast<result>(*call.place.value);
    } else if constexpr (!std::is_void_v<result>) {
        struct dropping {
            detail::result_place<result>& place;
            ~dropping() { place.drop(); }
        } const drop{call.place};
        return std::move(call.place.value);
    }
}

} // namespace coir
