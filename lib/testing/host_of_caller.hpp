// SPDX-License-Identifier: MIT
#pragma once
// Owns on which simulated host a coroutine is.

#include "testing/topology.hpp"

namespace coir::detail {

/// Children are where their parents were when they started them.
[[nodiscard]] topology::host host_of_caller();

} // namespace coir::detail
