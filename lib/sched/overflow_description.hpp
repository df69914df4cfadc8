// SPDX-License-Identifier: MIT
#pragma once
// Owns how the handler of stack overruns learns the coroutine's name.

namespace coir::detail {

/// Tells the fiber layer whose stack is whose. Done by each runtime's start.
void describe_overflows() noexcept;

} // namespace coir::detail
