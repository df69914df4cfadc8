// SPDX-License-Identifier: MIT
#pragma once
// Owns the rule that no descriptor of ours is 0, 1 or 2.
//
// A daemon may start with its streams closed; the next descriptors to be opened then get their
// numbers, and what anybody prints would go into a ring or end the sleep of a worker.

namespace coir::detail {

/// Returns `fd`, just opened, or a duplicate above the standard streams in its place. Below 0: an
/// error that errno tells, of whatever has opened it or of this; nothing stays open then.
[[nodiscard]] int above_standard_streams(int fd) noexcept;

} // namespace coir::detail
