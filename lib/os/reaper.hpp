// SPDX-License-Identifier: MIT
#pragma once
// Owns the children whose `process` was dropped while they lived.

namespace coir::detail {

/// Takes over a pidfd: waits for the end of its process, so that it does not become a zombie, and
/// closes it. A thread that there is only while there are such children does that.
void leave_to_reaper(int pidfd) noexcept;

} // namespace coir::detail
