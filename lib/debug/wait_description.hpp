// SPDX-License-Identifier: MIT
#pragma once
// Owns the words for what a coroutine waits on.

#include "debug/census.hpp"

#include <string>

namespace coir::detail {

/// Fills in what `record.kind` and `record.object` mean. What the wait refers to is read from the
/// copied stack, or as memory that may be gone: the wait may end meanwhile.
void describe_wait(const stack_copy& copy, std::int64_t deadline_ns, coroutine_record& record);

/// `coroutine 7 "collector"`.
[[nodiscard]] std::string name_of_coroutine(const coroutine_record& record);

/// "1.250 s".
[[nodiscard]] std::string seconds_text(std::int64_t ns);

} // namespace coir::detail
