// SPDX-License-Identifier: MIT
// Owns what the tested program's author does to the simulated network: hosts, cuts, resets.

#include "sched/worker.hpp"
#include "testing/host_of_caller.hpp"
#include "testing/simulation.hpp"

#include <coir/local.hpp>
#include <coir/testing.hpp>

#include <stdexcept>

namespace coir::detail {
namespace {

const local<topology::host>& hosts_of_coroutines() {
    static const auto* const kept = new local<topology::host>{inherit}; // coroutines may outlive us
    return *kept;
}

simulated_network& network_of_caller(const char* function) {
    const worker* const here = current_worker();
    if (here == nullptr || here->simulation() == nullptr) {
        throw std::logic_error{std::string{"coir::testing::"} + function +
                               ": not inside a simulation"};
    }
    // Only this layer makes simulations.
    return static_cast<simulation*>(here->simulation())->network();
}

} // namespace

topology::host host_of_caller() { return *hosts_of_coroutines(); }

} // namespace coir::detail

namespace coir::testing {

using coir::detail::network_of_caller;
using coir::detail::topology;

namespace detail {

place::place(const std::string& host) : before_{coir::detail::host_of_caller()} {
    topology& hosts = network_of_caller("on_host").state().hosts;
    coir::detail::hosts_of_coroutines().set(hosts.host_named(host));
}

place::~place() { coir::detail::hosts_of_coroutines().set(before_); }

} // namespace detail

void set_network(const network_options& options) {
    network_of_caller("set_network").state().options = options;
}

void partition() { network_of_caller("partition").state().hosts.cut_all(true); }

void partition(const std::string& host) {
    topology& hosts = network_of_caller("partition").state().hosts;
    hosts.isolate(hosts.host_named(host));
}

void partition(const std::string& one, const std::string& other) {
    topology& hosts = network_of_caller("partition").state().hosts;
    const topology::host first = hosts.host_named(one);
    hosts.cut(first, hosts.host_named(other));
}

void heal() {
    coir::detail::network_state& state = network_of_caller("heal").state();
    state.hosts.cut_all(false);
    state.resume_stalled();
}

void heal(const std::string& host) {
    coir::detail::network_state& state = network_of_caller("heal").state();
    state.hosts.rejoin(state.hosts.host_named(host));
    state.resume_stalled();
}

void heal(const std::string& one, const std::string& other) {
    coir::detail::network_state& state = network_of_caller("heal").state();
    const topology::host first = state.hosts.host_named(one);
    state.hosts.heal(first, state.hosts.host_named(other));
    state.resume_stalled();
}

void reset_connections() { network_of_caller("reset_connections").reset_connections(nullptr); }

void reset_connections(const std::string& host) {
    auto& network = network_of_caller("reset_connections");
    const topology::host of = network.state().hosts.host_named(host);
    network.reset_connections(&of);
}

} // namespace coir::testing
