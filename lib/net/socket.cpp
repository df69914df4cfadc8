// SPDX-License-Identifier: MIT
#include "net/socket.hpp"

#include "sched/worker.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <stdexcept>

namespace coir::detail {

int accepted_socket_flags() noexcept {
    worker* const here = current_worker();
    const bool nonblocking = here == nullptr || here->io().prefers_nonblocking();
    return SOCK_CLOEXEC | (nonblocking ? SOCK_NONBLOCK : 0);
}

descriptor_pointer open_tcp_socket(const endpoint& of, std::error_code& error) {
    const int fd =
        ::socket(of.is_v6() ? AF_INET6 : AF_INET, SOCK_STREAM | accepted_socket_flags(), 0);
    if (fd < 0) {
        error = {errno, std::system_category()};
        return nullptr;
    }
    error.clear();
    return descriptor_pointer{new descriptor{fd}};
}

endpoint endpoint_of(int fd, socket_end end) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    const auto ask = end == socket_end::local ? ::getsockname : ::getpeername;
    if (ask(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
        throw std::system_error{errno, std::system_category(),
                                end == socket_end::local ? "getsockname" : "getpeername"};
    }
    return endpoint::from_native(&address, size);
}

} // namespace coir::detail
