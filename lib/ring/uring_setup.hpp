// SPDX-License-Identifier: MIT
#pragma once
// Owns the making of a ring on whatever kernel there is: which flags and opcodes it has.

#include "ring/poller.hpp"

struct io_uring;

namespace coir::detail {

/// Sets the ring up for use by the calling thread alone, with every flag of ours that this kernel
/// knows. Throws std::system_error; EINVAL also when the kernel lacks something we cannot do
/// without.
void set_up_ring(io_uring& ring, ring_options options);

} // namespace coir::detail
