// SPDX-License-Identifier: MIT
#include "net/socket.hpp"

#include "sched/worker.hpp"

#include <coir/net/resolve.hpp>

#include <netinet/in.h>
#include <unistd.h>

#include <cstring>

namespace coir::detail {

int new_socket_flags() noexcept {
    worker* const here = current_worker();
    const bool nonblocking = here == nullptr || here->io().prefers_nonblocking();
    return SOCK_CLOEXEC | (nonblocking ? SOCK_NONBLOCK : 0);
}

descriptor_pointer adopt(int fd) {
    try {
        return descriptor_pointer{new descriptor{fd}};
    } catch (...) {
        close_number(fd);
        throw;
    }
}

namespace {

int new_socket(int family, int type) noexcept {
    if (simulated_sockets* const simulated = sockets_of_simulation()) {
        return simulated->open(family, type);
    }
    const int fd = ::socket(family, type | new_socket_flags(), 0);
    return fd >= 0 ? fd : -errno;
}

std::error_code bind_simulated(int fd, const endpoint& where,
                               const listen_options& options) noexcept {
    const auto* const address = static_cast<const sockaddr*>(where.native());
    const int result = ask_simulation([&](simulated_sockets& sockets) {
        return sockets.bind(fd, address, where.native_size(),
                            {.reuse_port = options.reuse_port, .v6_only = options.v6_only});
    });
    return result < 0 ? error_from(result) : std::error_code{};
}

} // namespace

descriptor_pointer open_socket(int family, int type, std::error_code& error) {
    const int fd = new_socket(family, type);
    if (fd < 0) {
        error = error_from(fd);
        return nullptr;
    }
    error.clear();
    return adopt(fd);
}

int set_socket_option(int fd, int level, int name, const void* value, socklen_t size) noexcept {
    if (!is_simulated(fd)) return ::setsockopt(fd, level, name, value, size);
    linger asked{};
    const bool lingers = level == SOL_SOCKET && name == SO_LINGER && size == sizeof asked;
    if (!lingers) return 0; // nothing that a simulation would show
    std::memcpy(&asked, value, sizeof asked);
    const bool resets = asked.l_onoff != 0 && asked.l_linger == 0;
    return as_system_call(ask_simulation(
        [&](simulated_sockets& sockets) { return sockets.set_reset_on_close(fd, resets); }));
}

std::error_code set_option(int fd, int level, int name, int value) noexcept {
    if (set_socket_option(fd, level, name, &value, sizeof value) == 0) return {};
    return {errno, std::system_category()};
}

std::error_code bind_socket(int fd, const endpoint& where, const listen_options& options) noexcept {
    if (is_simulated(fd)) return bind_simulated(fd, where, options);
    std::error_code error;
    if (options.reuse_address) error = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (!error && options.reuse_port) error = set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (!error && where.is_v6()) {
        error = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, options.v6_only ? 1 : 0);
    }
    if (error) return error;
    const auto* const address = static_cast<const sockaddr*>(where.native());
    if (::bind(fd, address, where.native_size()) == 0) return {};
    return {errno, std::system_category()};
}

std::error_code listen_at(int fd, int backlog) noexcept {
    const int result = is_simulated(fd)
                           ? as_system_call(ask_simulation(
                                 [&](simulated_sockets& all) { return all.listen(fd, backlog); }))
                           : ::listen(fd, backlog);
    if (result == 0) return {};
    return {errno, std::system_category()};
}

std::vector<endpoint> places_for(const std::string& host, std::uint16_t port,
                                 std::error_code& error) {
    if (!host.empty()) {
        // A name that is bound in a simulation is one of its network from then on.
        simulated_sockets* const simulated = sockets_of_simulation();
        if (simulated != nullptr) {
            static_cast<void>(simulated->addresses_of(host, simulated_sockets::naming::made));
        }
        return resolve(host, port, error);
    }
    error.clear();
    return {endpoint{"::", port}, endpoint{"0.0.0.0", port}};
}

endpoint plain_endpoint(const sockaddr_storage& address) {
    if (address.ss_family != AF_INET6) return endpoint::from_native(&address, sizeof address);
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof v6);
    if (!IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) return endpoint::from_native(&v6, sizeof v6);
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = v6.sin6_port;
    std::memcpy(&v4.sin_addr, &v6.sin6_addr.s6_addr[12], sizeof v4.sin_addr);
    return endpoint::from_native(&v4, sizeof v4);
}

endpoint mapped_endpoint(const endpoint& v4) {
    sockaddr_in from{};
    std::memcpy(&from, v4.native(), sizeof from);
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = from.sin_port;
    std::memset(&v6.sin6_addr.s6_addr[10], 0xff, 2);
    std::memcpy(&v6.sin6_addr.s6_addr[12], &from.sin_addr, sizeof from.sin_addr);
    return endpoint::from_native(&v6, sizeof v6);
}

endpoint endpoint_of(descriptor* socket, socket_end end, std::error_code& error) {
    sockaddr_storage address{};
    error = with_descriptor(socket, [&](int fd) {
        if (is_simulated(fd)) {
            return as_system_call(ask_simulation(
                [&](simulated_sockets& all) { return all.address_of(fd, end, address); }));
        }
        socklen_t size = sizeof address;
        auto* const plain = reinterpret_cast<sockaddr*>(&address);
        return end == socket_end::local ? ::getsockname(fd, plain, &size)
                                        : ::getpeername(fd, plain, &size);
    });
    return error ? endpoint{} : plain_endpoint(address);
}

} // namespace coir::detail
