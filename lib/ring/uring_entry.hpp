// SPDX-License-Identifier: MIT
#pragma once
// Owns the translation between our requests and what io_uring is told and answers.

#include "ring/io_request.hpp"

#include <cstdint>

struct io_uring_sqe;

namespace coir::detail {

/// Returns the kernel's opcode for ours.
[[nodiscard]] std::uint8_t kernel_opcode(io_opcode opcode) noexcept;

/// Overwrites the whole entry with the request; the caller sets user_data.
void fill_entry(io_uring_sqe& entry, const io_request& request) noexcept;

/// Overwrites the whole entry with a single wait for poll() events.
void fill_entry_with_poll(io_uring_sqe& entry, int fd, unsigned events) noexcept;

/// Tells whether a result means that a signal got in between. What blocks in one of the kernel's
/// threads is interrupted by a cancellation, and now and then by the kernel's own business with
/// that thread.
[[nodiscard]] bool was_interrupted(int result) noexcept;

/// Tells whether an interrupted operation has done nothing, so that it can simply be done again.
[[nodiscard]] bool may_restart(const io_request& request) noexcept;

} // namespace coir::detail
