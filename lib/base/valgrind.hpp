// SPDX-License-Identifier: MIT
#pragma once
// Owns the question whether the program runs under valgrind.

namespace coir::detail {

/// False where valgrind's header was missing when coir was built.
[[nodiscard]] bool runs_on_valgrind() noexcept;

} // namespace coir::detail
