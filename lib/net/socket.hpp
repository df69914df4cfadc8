// SPDX-License-Identifier: MIT
#pragma once
// Owns what all sockets need: opening, binding, addresses, options.

#include "io/descriptor.hpp"
#include "io/result.hpp"
#include "io/socket_calls.hpp"

#include <coir/detail/descriptor.hpp>
#include <coir/net/endpoint.hpp>
#include <coir/net/listen_options.hpp>

#include <sys/socket.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <vector>

namespace coir::detail {

/// The flags for a new socket of ours, made in the way the caller's I/O backend prefers.
[[nodiscard]] int new_socket_flags() noexcept;

[[nodiscard]] descriptor_pointer open_socket(int family, int type, std::error_code& error);
[[nodiscard]] inline int family_of(const endpoint& of) noexcept {
    return of.is_v6() ? AF_INET6 : AF_INET;
}
/// Owns a descriptor that the kernel has just made.
[[nodiscard]] descriptor_pointer adopt(int fd);

/// Runs a system call, which must be short, on the open descriptor; negative or -1 with errno is an
/// error.
template <typename Call>
[[nodiscard]] std::error_code with_descriptor(descriptor* socket, Call&& call) {
    if (socket == nullptr) return error_from(-EBADF);
    const descriptor::use held{*socket};
    if (!held) return error_from(-EBADF);
    if (call(socket->fd()) >= 0) return {};
    return {errno, std::system_category()}; // no park since: errno is this thread's
}

/// As setsockopt(2).
[[nodiscard]] int set_socket_option(int fd, int level, int name, const void* value,
                                    socklen_t size) noexcept;
[[nodiscard]] std::error_code set_option(int fd, int level, int name, int value) noexcept;

/// Sets what the options say, and binds.
[[nodiscard]] std::error_code bind_socket(int fd, const endpoint& where,
                                          const listen_options& options) noexcept;

[[nodiscard]] std::error_code listen_at(int fd, int backlog) noexcept;

/// Where to bind. All interfaces: IPv6, which takes IPv4 too, or IPv4 where there is no IPv6.
[[nodiscard]] std::vector<endpoint> places_for(const std::string& host, std::uint16_t port,
                                               std::error_code& error);

/// An address as the kernel gives it; an IPv4 one that an IPv6 socket sees is IPv4 again.
[[nodiscard]] endpoint plain_endpoint(const sockaddr_storage& address);
/// As an IPv6 socket wants it.
[[nodiscard]] endpoint mapped_endpoint(const endpoint& v4);

[[nodiscard]] endpoint endpoint_of(descriptor* socket, socket_end end, std::error_code& error);

} // namespace coir::detail
