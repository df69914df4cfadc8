// SPDX-License-Identifier: MIT
#pragma once
// Owns the signal by which a thread is asked for something: to copy its stack (thread_stack.hpp),
// or to halt (stopped_world.hpp).

#include <sys/types.h>

namespace coir::detail {

/// Makes sure that requests are answered; false where the program's own use of the signal does not
/// allow it. Any thread.
[[nodiscard]] bool install_request_handler() noexcept;

/// Sends the signal; false if there is no such thread. What is asked must have been published.
bool send_request(pid_t thread) noexcept;

} // namespace coir::detail
