// SPDX-License-Identifier: MIT
#pragma once
// Owns what becomes of an exception that nobody can collect any more.

#include "sched/coroutine.hpp"

#include <exception>

namespace coir::detail {

/// Calls the runtime's `on_unhandled_exception`; without one prints and terminates.
void report_unhandled(coroutine& co, std::exception_ptr failure) noexcept;

} // namespace coir::detail
