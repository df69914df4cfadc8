// SPDX-License-Identifier: MIT
#pragma once
// Owns the record of one simulated socket.

#include "testing/simulated_network.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace coir::detail {

struct simulated_network::socket final : end_user, std::enable_shared_from_this<socket> {
    enum class stage : std::uint8_t { fresh, bound, listening, connecting, connected };

    socket(simulated_network& all, topology::host on) noexcept : network{all}, host{on} {}
    void end_changed() override { network.progress(*this); }

    simulated_network& network;
    topology::host host;
    int fd = -1;
    bool v6 = false;
    stage now = stage::fresh;
    endpoint local;
    bind_options options;
    std::vector<operation> waiting;

    // Listening: those that may be accepted.
    std::size_t backlog = 0;
    std::deque<std::shared_ptr<simulated_connection>> queue;
    /// Connecting and connected; the end is its index.
    std::shared_ptr<simulated_connection> link;
    std::size_t end = 0;
    endpoint remote;
    int connect_result = 0; ///< once it is known; -EAGAIN before
    event_queue::key next_try{};
    event_queue::key giving_up{};
};

/// Writes an address as the kernel does: cut to *size, which becomes its true size.
inline void store(const endpoint& from, sockaddr* into, socklen_t* size) noexcept {
    if (into == nullptr || size == nullptr) return;
    std::memcpy(into, from.native(), std::min<std::size_t>(*size, from.native_size()));
    *size = from.native_size();
}

} // namespace coir::detail
