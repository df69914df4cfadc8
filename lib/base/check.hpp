// SPDX-License-Identifier: MIT
#pragma once
// Owns how coir stops when it cannot go on: a broken invariant, or misuse that is unsafe to report.

#include <coir/detail/config.hpp>

namespace coir::detail {

/// Prints "coir: SENTENCE" on standard error and aborts. Safe to call in a signal handler.
[[noreturn]] COIR_API COIR_COLD void fatal(const char* sentence) noexcept;

[[noreturn]] COIR_API COIR_COLD void check_failed(const char* file, int line, const char* condition,
                                                  const char* invariant) noexcept;

} // namespace coir::detail

/// Aborts with file, line and the invariant unless `condition` holds; stays on in release builds.
#define COIR_CHECK(condition, invariant)                                                           \
    (__builtin_expect(static_cast<bool>(condition), 1)                                             \
         ? static_cast<void>(0)                                                                    \
         : ::coir::detail::check_failed(__FILE__, __LINE__, #condition, invariant))
