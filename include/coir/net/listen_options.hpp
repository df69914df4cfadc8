// SPDX-License-Identifier: MIT
#pragma once
// Owns how sockets are bound.

namespace coir {

/// Settings of a listening socket.
struct listen_options {
    /// How many connections may wait to be accepted; the kernel's limit applies as well.
    int backlog = 4096;
    /// Takes an address whose old connections still linger (SO_REUSEADDR).
    bool reuse_address = true;
    /// Shares the port with other sockets that want that too (SO_REUSEPORT); the kernel spreads
    /// connections and datagrams over them.
    bool reuse_port = false;
    /// An IPv6 socket takes no IPv4 peers.
    bool v6_only = false;
};

} // namespace coir
