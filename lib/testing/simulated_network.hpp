// SPDX-License-Identifier: MIT
#pragma once
// Owns the sockets of a simulation: what a simulated worker has for a kernel.
//
// Operations on simulated sockets wait here until the state of their socket lets them go on; all
// others are refused, since what the world outside does is not the same from run to run.

#include "ring/poller.hpp"
#include "ring/simulated_sockets.hpp"
#include "testing/connection.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace coir::detail {

class simulated_network final : public poller, public simulated_sockets {
public:
    explicit simulated_network(timer_heap& timers) noexcept : state_{timers} {}

    /// Between runs: `seed` decides about latencies and faults.
    void begin_run(std::uint64_t seed, const testing::network_options& options);
    /// Ends what is left of operations, and all sockets.
    void end_run();
    /// While time stands still: has the next arrival happen now; false if none is to come.
    bool deliver_early() { return state_.events.deliver_early(); }
    [[nodiscard]] network_state& state() noexcept { return state_; }
    /// Resets the connections of a host, or all.
    void reset_connections(const topology::host* of);

    // As the poller of the simulated worker.
    void submit(io_completion& completion, const io_request& request) noexcept override;
    void cancel(io_completion& completion) noexcept override;
    void flush() noexcept override {}
    bool poll() noexcept override;
    void wait(std::int64_t) noexcept override { static_cast<void>(poll()); }
    void wake() noexcept override {}
    [[nodiscard]] const char* name() const noexcept override { return "simulated"; }
    [[nodiscard]] bool prefers_nonblocking() const noexcept override { return false; }

    // As the kernel.
    int open(int family, int type) noexcept override;
    int bind(int fd, const sockaddr* where, socklen_t size,
             const bind_options& options) noexcept override;
    int listen(int fd, int backlog) noexcept override;
    int accept(int fd, sockaddr* peer, socklen_t* size) noexcept override;
    int receive(int fd, void* into, std::size_t size) noexcept override;
    int shutdown_write(int fd) noexcept override;
    int set_reset_on_close(int fd, bool on) noexcept override;
    int address_of(int fd, socket_end end, sockaddr_storage& address) noexcept override;
    [[nodiscard]] short readiness(int fd, short events) noexcept override;
    bool close(int fd) noexcept override;
    [[nodiscard]] std::vector<std::string> addresses_of(const std::string& name,
                                                        naming how) override;

private:
    struct operation {
        io_completion* completion;
        io_request request;
    };
    struct socket;
    struct finished {
        io_completion* completion;
        int result;
    };
    using socket_pointer = std::shared_ptr<socket>;

    [[nodiscard]] socket* find(int fd) const noexcept;
    [[nodiscard]] socket* listener_at(topology::host host, const endpoint& where);
    [[nodiscard]] bool in_use(const socket& asking, const endpoint& where, bool reuse_port) const;
    [[nodiscard]] std::uint16_t take_port(const socket& asking);
    [[nodiscard]] int add(socket_pointer made);

    // One attempt of an operation: its result, or -EAGAIN.
    [[nodiscard]] int attempt(socket& on, const io_request& request);
    [[nodiscard]] int attempt_connect(socket& on, const io_request& request);
    void progress(socket& on);
    void finish(io_completion& completion, int result);
    void abandon_operations(socket& on);

    // The handshake.
    void send_first(const socket_pointer& asking, int tries);
    void first_arrives(const socket_pointer& asking);
    void answer(const socket_pointer& asking, socket& listener);
    void established(const std::weak_ptr<socket>& listening,
                     const std::shared_ptr<simulated_connection>& one);
    void end_connect(socket& asking, int result);

    network_state state_;
    std::vector<socket_pointer> sockets_; ///< by number
    std::deque<finished> finished_;
    std::uint16_t last_port_ = 0; ///< of those given out
};

} // namespace coir::detail
