// SPDX-License-Identifier: MIT
#pragma once
// Owns the way to a connected socket: one address, or a race of several (RFC 8305).

#include "net/socket.hpp"

#include <vector>

namespace coir::detail {

struct connect_result {
    descriptor_pointer socket;
    endpoint peer;
    std::error_code error;
};

[[nodiscard]] connect_result connect_one(const endpoint& peer);

/// Tries them in the order of preference, alternating between the address families, each 250 ms
/// after the one before or as soon as that has failed. The first connection wins.
[[nodiscard]] connect_result connect_first(std::vector<endpoint> peers);

} // namespace coir::detail
