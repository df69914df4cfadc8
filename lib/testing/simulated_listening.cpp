// SPDX-License-Identifier: MIT
// Owns how simulated sockets come to be bound, to listen, to connect and to be accepted.
//
// The handshake is TCP's: the first segment is repeated while nobody answers (a cut, or a listener
// whose queue is full), the answer tells the asking side, and its acknowledgement makes the
// connection one that can be accepted.

#include "testing/simulated_socket.hpp"
#include "timer/clock.hpp"

#include <poll.h>

#include <algorithm>
#include <utility>

namespace coir::detail {
namespace {

// As Linux: after 1, 3, 7, ... seconds, and given up after 127 (tcp_syn_retries = 6).
constexpr int most_tries = 7;
constexpr std::int64_t second_ns = 1'000'000'000;
// Until a neighbour that does not exist is given up.
constexpr std::int64_t unreachable_ns = 3 * second_ns;
constexpr std::uint16_t first_free_port = 32'768;
constexpr std::uint16_t last_free_port = 60'999;

endpoint with_port(const endpoint& of, std::uint16_t port) { return {of.address(), port}; }

} // namespace

// --- Binding --------------------------------------------------------------------------------

bool simulated_network::in_use(const socket& asking, const endpoint& where, bool reuse_port) const {
    return std::ranges::any_of(sockets_, [&](const socket_pointer& one) {
        if (one == nullptr || one.get() == &asking || one->host != asking.host) return false;
        if (one->now != socket::stage::bound && one->now != socket::stage::listening) return false;
        if (one->local.port() != where.port() || (reuse_port && one->options.reuse_port)) {
            return false;
        }
        const auto everywhere = [&](const endpoint& at, const socket& of) {
            return is_wildcard(at) && (at.is_v6() == where.is_v6() || !of.options.v6_only);
        };
        if (is_wildcard(where) && one->local.is_v6() != where.is_v6()) {
            // The IPv6 wildcard takes IPv4 as well, unless told not to.
            return (where.is_v6() ? !asking.options.v6_only : false) ||
                   everywhere(one->local, *one);
        }
        return is_wildcard(where) || everywhere(one->local, *one) ||
               one->local.address() == where.address();
    });
}

// Not again what has just been given back, as the kernel.
std::uint16_t simulated_network::take_port(const socket& asking) {
    const auto is_taken = [&](std::uint16_t port) {
        return std::ranges::any_of(sockets_, [&](const socket_pointer& one) {
            return one != nullptr && one.get() != &asking && one->host == asking.host &&
                   one->local.port() == port;
        });
    };
    do {
        const bool again = last_port_ < first_free_port || last_port_ >= last_free_port;
        last_port_ = again ? first_free_port : static_cast<std::uint16_t>(last_port_ + 1);
    } while (is_taken(last_port_));
    return last_port_;
}

int simulated_network::bind(int fd, const sockaddr* where, socklen_t size,
                            const bind_options& options) noexcept {
    socket* const on = find(fd);
    if (on == nullptr) return -EBADF;
    if (on->now != socket::stage::fresh) return -EINVAL;
    const endpoint wanted = endpoint::from_native(where, size);
    const topology::host host = state_.hosts.host_bound_at(wanted, on->host);
    // Somebody who is nowhere in particular may bind anywhere.
    if (host != on->host && on->host != topology::localhost) return -EADDRNOTAVAIL;
    on->host = host;
    on->options = options;
    const endpoint local = wanted.port() != 0 ? wanted : with_port(wanted, take_port(*on));
    if (in_use(*on, local, options.reuse_port)) return -EADDRINUSE;
    on->local = local;
    on->now = socket::stage::bound;
    return 0;
}

int simulated_network::listen(int fd, int backlog) noexcept {
    socket* const on = find(fd);
    if (on == nullptr) return -EBADF;
    if (on->now != socket::stage::bound) return -EINVAL;
    on->backlog = static_cast<std::size_t>(std::max(backlog, 0)) + 1;
    on->now = socket::stage::listening;
    return 0;
}

int simulated_network::accept(int fd, sockaddr* peer, socklen_t* size) noexcept {
    socket* const on = find(fd);
    if (on == nullptr) return -EBADF;
    if (on->now != socket::stage::listening) return -EINVAL;
    if (on->queue.empty()) return -EAGAIN;
    auto made = std::make_shared<socket>(*this, on->host);
    made->link = std::move(on->queue.front());
    on->queue.pop_front();
    made->end = 1;
    made->now = socket::stage::connected;
    made->local = made->link->end_at(1).address;
    made->remote = made->link->end_at(0).address;
    made->link->end_at(1).user = made.get();
    store(made->remote, peer, size);
    return add(std::move(made));
}

// --- Connecting -----------------------------------------------------------------------------

int simulated_network::attempt_connect(socket& on, const io_request& request) {
    if (on.now == socket::stage::connecting) {
        const bool broken = on.link != nullptr && (on.link->readiness(on.end) & POLLHUP) != 0;
        return broken ? -ECONNREFUSED : on.connect_result;
    }
    if (on.now == socket::stage::connected) return -EISCONN;
    if (on.now == socket::stage::listening) return -EINVAL;
    on.remote = endpoint::from_native(request.address, request.length);
    if (is_wildcard(on.remote)) {
        on.remote = endpoint{on.remote.is_v6() ? "::1" : "127.0.0.1", on.remote.port()};
    }
    on.now = socket::stage::connecting;
    on.connect_result = -EAGAIN;
    const socket_pointer asking = on.shared_from_this();
    const std::optional<topology::host> host = state_.hosts.host_at(on.remote, on.host);
    const endpoint source = host ? state_.hosts.source_for(on.remote, on.host, *host) : on.remote;
    on.local = with_port(source, take_port(on));
    const std::int64_t patience_ns = host ? ((1 << most_tries) - 1) * second_ns : unreachable_ns;
    on.giving_up = state_.events.add(
        monotonic_ns() + patience_ns, event_queue::kind::patience,
        [this, asking, error = host ? ETIMEDOUT : EHOSTUNREACH] { end_connect(*asking, -error); });
    if (host) send_first(asking, 0);
    return -EAGAIN;
}

void simulated_network::end_connect(socket& asking, int result) {
    if (asking.connect_result != -EAGAIN) return;
    asking.connect_result = result;
    if (result == 0) asking.now = socket::stage::connected;
    state_.events.cancel(asking.next_try);
    state_.events.cancel(asking.giving_up);
    // The operation's attempt sees a connected socket as one that was so before.
    for (const operation& one : std::exchange(asking.waiting, {})) finish(*one.completion, result);
}

void simulated_network::send_first(const socket_pointer& asking, int tries) {
    if (tries + 1 < most_tries) {
        asking->next_try = state_.events.add(
            monotonic_ns() + (std::int64_t{1} << tries) * second_ns, event_queue::kind::patience,
            [this, asking, tries] { send_first(asking, tries + 1); });
    }
    state_.events.add(monotonic_ns() + state_.draw_delay_ns(), event_queue::kind::delivery,
                      [this, asking] { first_arrives(asking); });
}

simulated_network::socket* simulated_network::listener_at(topology::host host,
                                                          const endpoint& where) {
    std::vector<socket*> found;
    for (const socket_pointer& one : sockets_) {
        if (one == nullptr || one->now != socket::stage::listening || one->host != host) continue;
        if (one->local.port() != where.port()) continue;
        const endpoint& local = one->local;
        const bool every = is_wildcard(local) && (local.is_v6() == where.is_v6() ||
                                                  (local.is_v6() && !one->options.v6_only));
        if (every || local.address() == where.address()) found.push_back(one.get());
    }
    if (found.empty()) return nullptr;
    if (found.size() == 1) return found.front();
    return found[state_.random.below(static_cast<std::uint32_t>(found.size()))];
}

void simulated_network::first_arrives(const socket_pointer& asking) {
    if (asking->connect_result != -EAGAIN || find(asking->fd) != asking.get()) return;
    if (asking->link != nullptr) return; // an earlier try has arrived
    const std::optional<topology::host> host = state_.hosts.host_at(asking->remote, asking->host);
    if (!host || !state_.hosts.connected(asking->host, *host)) return;
    socket* const listener = listener_at(*host, asking->remote);
    const bool unwilling = listener != nullptr && state_.chance(state_.options.refuse_probability);
    if (unwilling) state_.tell(step::fault_refusal);
    if (listener == nullptr || unwilling) {
        state_.events.add(monotonic_ns() + state_.draw_delay_ns(), event_queue::kind::delivery,
                          [this, asking] { end_connect(*asking, -ECONNREFUSED); });
        return;
    }
    if (listener->queue.size() < listener->backlog) answer(asking, *listener);
}

void simulated_network::answer(const socket_pointer& asking, socket& listener) {
    asking->link = std::make_shared<simulated_connection>(
        state_, simulated_connection::end{asking->host, asking->local, asking.get()},
        simulated_connection::end{listener.host, asking->remote, nullptr});
    asking->end = 0;
    const std::weak_ptr<simulated_connection> made = asking->link;
    const std::weak_ptr<socket> listening = listener.shared_from_this();
    const std::weak_ptr<socket> asked = asking;
    asking->link->send_action(1, [this, asked, made, listening] {
        const std::shared_ptr<simulated_connection> link = made.lock();
        const socket_pointer asker = asked.lock();
        if (link == nullptr || asker == nullptr || find(asker->fd) != asker.get()) return;
        end_connect(*asker, 0);
        link->send_action(0, [this, listening, made] { established(listening, made.lock()); });
    });
}

void simulated_network::established(const std::weak_ptr<socket>& listening,
                                    const std::shared_ptr<simulated_connection>& one) {
    if (one == nullptr) return;
    const socket_pointer listener = listening.lock();
    if (listener == nullptr || find(listener->fd) != listener.get()) {
        one->set_reset_on_close(1, true);
        return one->close(1);
    }
    listener->queue.push_back(one);
    progress(*listener);
}

} // namespace coir::detail
