// SPDX-License-Identifier: MIT
#include "timer/clock.hpp"

namespace coir::detail {

std::int64_t clock_ns() noexcept { return monotonic_ns(); }

} // namespace coir::detail
