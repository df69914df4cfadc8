// SPDX-License-Identifier: MIT
#include "testing/topology.hpp"

#include <algorithm>
#include <stdexcept>

namespace coir::detail {
bool is_numeric(const std::string& name) {
    try {
        static_cast<void>(endpoint{name, 0});
        return true;
    } catch (const std::invalid_argument&) {
        return false;
    }
}

bool is_loopback(const endpoint& where) {
    return where.is_v6() ? where.address() == "::1" : where.address().starts_with("127.");
}

bool is_wildcard(const endpoint& where) {
    return where.address() == (where.is_v6() ? "::" : "0.0.0.0");
}

void topology::begin() {
    hosts_.clear();
    cuts_.clear();
    isolated_.clear();
    all_cut_ = false;
    add("localhost");
}

topology::host topology::add(std::string name) {
    // The first that nobody has taken by its number.
    std::string v4;
    std::size_t number = hosts_.size();
    const auto taken = [&v4](const entry& one) { return one.v4 == v4; };
    do {
        ++number;
        v4 = "10.0." + std::to_string(number / 256) + "." + std::to_string(number % 256);
    } while (std::ranges::any_of(hosts_, taken));
    std::string v6 = "fd00::" + std::to_string(number);
    if (is_numeric(name)) (endpoint{name, 0}.is_v6() ? v6 : v4) = endpoint{name, 0}.address();
    hosts_.push_back({std::move(name), std::move(v4), std::move(v6), {}});
    return hosts_.size() - 1;
}

std::optional<topology::host> topology::find(const std::string& name) const {
    const auto found = std::ranges::find_if(hosts_, [&](const entry& one) {
        return one.name == name || one.v4 == name || one.v6 == name ||
               std::ranges::find(one.further, name) != one.further.end();
    });
    if (found == hosts_.end()) return std::nullopt;
    return static_cast<host>(found - hosts_.begin());
}

topology::host topology::host_named(const std::string& name) {
    if (const std::optional<host> known = find(name)) return *known;
    return add(name);
}

topology::host topology::host_bound_as(const std::string& name, host from) {
    if (const std::optional<host> known = find(name)) return *known;
    if (from == localhost) return add(name);
    hosts_[from].further.push_back(name);
    return from;
}

std::optional<topology::host> topology::host_at(const endpoint& where, host from) const {
    if (is_loopback(where) || is_wildcard(where)) return from;
    return find(where.address());
}

topology::host topology::host_bound_at(const endpoint& where, host from) {
    if (const std::optional<host> known = host_at(where, from)) return *known;
    return host_bound_as(where.address(), from);
}

endpoint topology::source_for(const endpoint& to, host from, host peer) const {
    if (from == peer) return {to.address(), 0};
    return {to.is_v6() ? hosts_[from].v6 : hosts_[from].v4, 0};
}

void topology::rejoin(host one) {
    isolated_.erase(one);
    std::erase_if(cuts_, [one](const auto& cut) { return cut.first == one || cut.second == one; });
}

void topology::cut_all(bool on) {
    all_cut_ = on;
    if (on) return;
    cuts_.clear();
    isolated_.clear();
}

bool topology::connected(host one, host other) const {
    if (all_cut_) return false;
    if (one == other) return true;
    return !isolated_.contains(one) && !isolated_.contains(other) &&
           !cuts_.contains(std::minmax(one, other));
}

} // namespace coir::detail
