// SPDX-License-Identifier: MIT
#pragma once
// Owns doing an operation by its plain system call: at once or not at all, or on a thread that may
// block. The epoll backend is built on it.

#include "ring/io_request.hpp"

#include <limits>

namespace coir::detail {

/// Stands for "this can only be done by a thread that may block".
inline constexpr int needs_thread = std::numeric_limits<int>::min();

/// Does the operation if that needs no waiting. Returns what the kernel says (zero or more, or
/// -errno), -EAGAIN if it has to wait for readiness, or `needs_thread`. `resumed`: it was tried
/// before and has been told that it is ready.
[[nodiscard]] int attempt(const io_request& request, bool resumed) noexcept;

/// Does the operation, blocking.
[[nodiscard]] int perform_blocking(const io_request& request) noexcept;

} // namespace coir::detail
