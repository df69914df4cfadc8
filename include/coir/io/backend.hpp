// SPDX-License-Identifier: MIT
#pragma once
// Owns the choice of the kernel interface that carries coir's I/O.

#include <cstdint>

namespace coir {

/// Names the kernel interface that a runtime uses for its I/O. `automatic` takes io_uring where the
/// kernel offers it and epoll where it is missing or forbidden, as in many containers.
enum class io_backend : std::uint8_t { automatic, uring, epoll };

} // namespace coir
