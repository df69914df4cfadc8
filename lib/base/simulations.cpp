// SPDX-License-Identifier: MIT
// Owns the count of simulations, which every scheduling point looks at.

#include <coir/detail/scheduling_point.hpp>

namespace coir::detail {

constinit std::atomic<std::uint32_t> simulations_under_way{0};

} // namespace coir::detail
