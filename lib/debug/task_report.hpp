// SPDX-License-Identifier: MIT
#pragma once
// Owns how coroutines look in a report: grouped, with named and trimmed stacks.

#include "debug/census.hpp"
#include "debug/symbols.hpp"

#include <span>
#include <string>

namespace coir::detail {

/// One paragraph for each set of coroutines that do the same in the same place.
[[nodiscard]] std::string describe(std::span<const coroutine_record> records,
                                   symbol_table& symbols);

/// "  at FUNCTION\n     FILE:LINE" for each frame that matters to the user.
[[nodiscard]] std::string describe_stack(std::span<const std::uint64_t> frames,
                                         symbol_table& symbols);

/// The cycles among those who wait for one certain other, a line each; empty if there is none.
[[nodiscard]] std::string describe_cycles(std::span<const coroutine_record> records);

} // namespace coir::detail
