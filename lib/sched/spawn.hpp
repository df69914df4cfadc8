// SPDX-License-Identifier: MIT
#pragma once
// Owns the birth and death of coroutines.

#include "sched/coroutine.hpp"

#include <cstddef>
#include <string_view>

namespace coir::detail {

/// What a coroutine is made from.
class worker;

struct coroutine_order {
    worker* here = nullptr; ///< current_worker()
    runtime_core* runtime = nullptr;
    run_session* session = nullptr; ///< null: that of whoever starts it
    const coroutine_program* program = nullptr;
    std::size_t payload_bytes = 0;
    std::size_t payload_alignment = 1;
    std::size_t stack_bytes = 0; ///< 0: the runtime's
    std::string_view name = {};
    const void* start_site = nullptr;
};

/// Makes a coroutine that does not run yet; its payload is raw memory. It then has to be started or
/// discarded. Throws std::bad_alloc. Any thread.
[[nodiscard]] coroutine& make_coroutine(const coroutine_order& order);

/// Makes it runnable, counted in the session of whoever starts it.
void start_coroutine(coroutine& co) noexcept;

/// Takes a coroutine back that was never started; its payload must be gone.
void discard_coroutine(coroutine& co) noexcept;

} // namespace coir::detail
