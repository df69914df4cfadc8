// SPDX-License-Identifier: MIT
#pragma once
// Owns the opening of sockets.

#include "io/descriptor.hpp"
#include "io/result.hpp"

#include <coir/net/endpoint.hpp>
#include <coir/net/tcp.hpp>

#include <system_error>

namespace coir::detail {

/// Opens a TCP socket of the endpoint's family, in the way the caller's I/O backend prefers.
[[nodiscard]] descriptor_pointer open_tcp_socket(const endpoint& of, std::error_code& error);

/// The flags for accept4 that match.
[[nodiscard]] int accepted_socket_flags() noexcept;

enum class socket_end : bool { local, remote };
[[nodiscard]] endpoint endpoint_of(int fd, socket_end end);

} // namespace coir::detail
