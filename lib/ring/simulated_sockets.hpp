// SPDX-License-Identifier: MIT
#pragma once
// Owns the seam at which a simulation answers the system calls on sockets that go past the poller.
//
// A simulated socket has a number that no descriptor of the kernel's can have; so a look at the
// number tells where a call belongs, and a number that strays into a real call meets EBADF.

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace coir::detail {

/// The kernel's numbers end below (the most that fs.nr_open can be set to).
inline constexpr int first_simulated_descriptor = 1 << 30;
[[nodiscard]] inline bool is_simulated(int fd) noexcept { return fd >= first_simulated_descriptor; }

enum class socket_end : bool { local, remote };

/// What simulated sockets do without waiting. Results are those of the system calls: zero or more,
/// or -errno.
class simulated_sockets {
public:
    simulated_sockets() = default;
    simulated_sockets(const simulated_sockets&) = delete;
    simulated_sockets& operator=(const simulated_sockets&) = delete;
    virtual ~simulated_sockets() = default;

    struct bind_options {
        bool reuse_port = false;
        bool v6_only = false;
    };

    virtual int open(int family, int type) noexcept = 0;
    virtual int bind(int fd, const sockaddr* where, socklen_t size,
                     const bind_options& options) noexcept = 0;
    virtual int listen(int fd, int backlog) noexcept = 0;
    virtual int accept(int fd, sockaddr* peer, socklen_t* size) noexcept = 0;
    virtual int receive(int fd, void* into, std::size_t size) noexcept = 0;
    virtual int shutdown_write(int fd) noexcept = 0;
    /// As SO_LINGER of no time: the close will reset the connection.
    virtual int set_reset_on_close(int fd, bool on) noexcept = 0;
    virtual int address_of(int fd, socket_end end, sockaddr_storage& address) noexcept = 0;
    /// The POLL* of `events` that hold, and those that nobody need ask for.
    [[nodiscard]] virtual short readiness(int fd, short events) noexcept = 0;
    /// False: the number is none of this run's.
    virtual bool close(int fd) noexcept = 0;

    /// The numeric addresses of a name; `made`: that is to exist from now on.
    enum class naming : bool { known, made };
    [[nodiscard]] virtual std::vector<std::string> addresses_of(const std::string& name,
                                                                naming how) = 0;
};

/// Sockets that were still open at the end of their run keep their numbers until they are closed,
/// so that a late close never hits another. Any thread.
void keep_number(int fd);
void give_number_back(int fd) noexcept;
[[nodiscard]] bool is_number_kept(int fd) noexcept;

} // namespace coir::detail
