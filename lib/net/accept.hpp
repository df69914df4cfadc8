// SPDX-License-Identifier: MIT
#pragma once
// Owns the taking of connections, by waiting for one or by an attempt.

#include "net/socket.hpp"

namespace coir::detail {

/// Both return the new descriptor, or -errno. Connections that broke while they waited are passed
/// over. `peer` may be null.
[[nodiscard]] int accept_waiting(descriptor* listener, sockaddr_storage* peer);
/// -EAGAIN: there is none now.
[[nodiscard]] int accept_attempt(int listener, sockaddr_storage* peer) noexcept;

} // namespace coir::detail
