// SPDX-License-Identifier: MIT
#pragma once
// Owns the hosts of a simulated network: their names and addresses, and which are cut off from
// which.
//
// Host 0 is "localhost", where everything runs that does not say otherwise. Any other name or
// address is a host of its own from the moment at which somebody is there or binds to it.

#include <coir/net/endpoint.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace coir::detail {

class topology {
public:
    using host = std::size_t;
    static constexpr host localhost = 0;

    void begin();

    [[nodiscard]] host host_named(const std::string& name);
    /// As host_named; an unknown name becomes one more of `from`, or a new host's if that is
    /// localhost.
    [[nodiscard]] host host_bound_as(const std::string& name, host from);
    [[nodiscard]] std::optional<host> find(const std::string& name) const;
    [[nodiscard]] const std::string& name_of(host of) const { return hosts_[of].name; }
    /// The address by which others know the host.
    [[nodiscard]] std::string address_of(host of) const { return hosts_[of].v4; }

    /// Whose address it is, seen from `from`.
    [[nodiscard]] std::optional<host> host_at(const endpoint& where, host from) const;
    /// As host_at, for an address that may be nobody's yet; then as host_bound_as.
    [[nodiscard]] host host_bound_at(const endpoint& where, host from);
    /// What `from` sends from if it sends to `to`; without a port.
    [[nodiscard]] endpoint source_for(const endpoint& to, host from, host peer) const;

    void cut(host one, host other) { cuts_.insert(std::minmax(one, other)); }
    void heal(host one, host other) { cuts_.erase(std::minmax(one, other)); }
    void isolate(host one) { isolated_.insert(one); }
    void rejoin(host one);
    void cut_all(bool on);
    [[nodiscard]] bool connected(host one, host other) const;

private:
    struct entry {
        std::string name;
        std::string v4;
        std::string v6;
        std::vector<std::string> further;
    };
    host add(std::string name);

    std::vector<entry> hosts_;
    std::set<std::pair<host, host>> cuts_;
    std::set<host> isolated_;
    bool all_cut_ = false;
};

[[nodiscard]] bool is_numeric(const std::string& name);
/// The address is the host's own, whoever that is.
[[nodiscard]] bool is_loopback(const endpoint& where);
/// All addresses of a host.
[[nodiscard]] bool is_wildcard(const endpoint& where);

} // namespace coir::detail
