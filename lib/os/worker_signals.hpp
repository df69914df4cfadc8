// SPDX-License-Identifier: MIT
#pragma once
// Owns which signals the workers take although they leave signals to others.
//
// A signal that is sent to one thread, as by `raise`, waits for that thread for ever if it is
// blocked there. So what a program receives through coir is let through on workers.

#include <csignal>

namespace coir::detail {

/// Unblocks exactly these, beside the ones of faults, on all workers: the calling one at once, the
/// others soon, those to come from their beginning.
void let_workers_take(const sigset_t& signals) noexcept;

} // namespace coir::detail
