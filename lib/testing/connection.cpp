// SPDX-License-Identifier: MIT
#include "testing/connection.hpp"

#include "timer/clock.hpp"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace coir::detail {
namespace {

// As a card that cuts by itself is handed.
constexpr std::size_t largest_segment = std::size_t{64} * 1024;
// Until Linux gives up on data that nobody acknowledges (tcp_retries2 = 15).
constexpr std::int64_t give_up_after_ns = 924'600'000'000;

constexpr std::size_t peer_of(std::size_t at) noexcept { return 1 - at; }

} // namespace

// --- What connections share -----------------------------------------------------------------

bool network_state::chance(double probability) noexcept {
    if (probability <= 0) return false; // and draws nothing
    return static_cast<double>(random.next() >> 11) * 0x1p-53 < probability;
}

std::int64_t network_state::draw_delay_ns() noexcept {
    const auto jitter =
        static_cast<std::uint64_t>(std::max<std::int64_t>(options.jitter.count(), 0));
    const std::uint64_t more = jitter != 0 ? random.next() % (jitter + 1) : 0;
    return std::max<std::int64_t>(options.latency.count(), 0) + static_cast<std::int64_t>(more);
}

void network_state::consider_cut(topology::host one, topology::host other) {
    if (one == other || !chance(options.partition_probability)) return;
    if (!hosts.connected(one, other)) return;
    tell(step::fault_cut);
    hosts.cut(one, other);
    const auto longest =
        static_cast<std::uint64_t>(std::max<std::int64_t>(options.partition_duration.count(), 1));
    const auto for_ns = static_cast<std::int64_t>(1 + random.next() % longest);
    events.add(monotonic_ns() + for_ns, event_queue::kind::patience, [this, one, other] {
        tell(step::fault_heal);
        hosts.heal(one, other);
        resume_stalled();
    });
}

void network_state::resume_stalled() {
    for (const std::weak_ptr<simulated_connection>& one : std::exchange(stalled, {})) {
        if (const std::shared_ptr<simulated_connection> alive = one.lock()) alive->resume();
    }
}

// --- Sending --------------------------------------------------------------------------------

simulated_connection::simulated_connection(network_state& network, end asking, end answering)
    : network_{network} {
    sides_[0].is = asking;
    sides_[1].is = answering;
}

std::size_t simulated_connection::room(std::size_t at) const {
    const side& peer = sides_[peer_of(at)];
    const std::size_t used = sides_[at].bytes_under_way + peer.received.size() - peer.read;
    return used < network_.options.buffer ? network_.options.buffer - used : 0;
}

int simulated_connection::send(std::size_t at, const char* data, std::size_t size) {
    side& own = sides_[at];
    if (own.error != 0) return -std::exchange(own.error, 0);
    if (own.fin_sent || own.broken) return -EPIPE;
    const std::size_t taken = std::min(size, room(at));
    if (taken == 0) return -EAGAIN;
    for (std::size_t sent = 0; sent < taken;) {
        std::size_t part = std::min(taken - sent, largest_segment);
        if (part > 1 && network_.chance(network_.options.split_probability)) {
            part = 1 + network_.random.below(static_cast<std::uint32_t>(part - 1));
        }
        push(at, segment_kind::data, std::string{data + sent, part});
        sent += part;
    }
    return static_cast<int>(taken);
}

int simulated_connection::shutdown_write(std::size_t at) {
    side& own = sides_[at];
    if (own.broken) return -ENOTCONN;
    if (!std::exchange(own.fin_sent, true)) push(at, segment_kind::fin);
    return 0;
}

void simulated_connection::send_action(std::size_t at, std::function<void()> action) {
    push(at, segment_kind::action, {}, std::move(action));
}

void simulated_connection::push(std::size_t at, segment_kind kind, std::string data,
                                std::function<void()> action) {
    side& own = sides_[at];
    network_.consider_cut(own.is.host, sides_[peer_of(at)].is.host);
    if (kind != segment_kind::reset && network_.chance(network_.options.reset_probability)) {
        kind = segment_kind::lost;
    }
    const std::int64_t at_ns = std::max(own.arrival_ns, monotonic_ns() + network_.draw_delay_ns());
    own.arrival_ns = at_ns;
    own.bytes_under_way += data.size();
    own.under_way.push_back({kind, std::move(data), std::move(action), at_ns});
    if (own.under_way.size() == 1) expect_first(at);
}

// --- On the way -----------------------------------------------------------------------------

void simulated_connection::expect_first(std::size_t at) {
    side& own = sides_[at];
    if (own.under_way.empty()) return;
    own.next = network_.events.add(own.under_way.front().at_ns, event_queue::kind::delivery,
                                   [self = shared_from_this(), at] { self->arrive(at); });
}

void simulated_connection::arrive(std::size_t from) {
    side& own = sides_[from];
    if (!network_.hosts.connected(own.is.host, sides_[peer_of(from)].is.host)) return stall(from);
    segment first = std::move(own.under_way.front());
    own.under_way.pop_front();
    own.bytes_under_way -= first.data.size();
    expect_first(from);
    deliver(from, first);
}

void simulated_connection::stall(std::size_t at) {
    side& own = sides_[at];
    own.stalled = true;
    network_.stalled.push_back(weak_from_this());
    own.next = network_.events.add(monotonic_ns() + give_up_after_ns, event_queue::kind::patience,
                                   [self = shared_from_this(), at] {
                                       self->sides_[at].stalled = false;
                                       self->break_end(at, ETIMEDOUT);
                                   });
}

void simulated_connection::resume() {
    for (std::size_t at = 0; at < sides_.size(); ++at) {
        side& own = sides_[at];
        if (!own.stalled) continue;
        if (!network_.hosts.connected(own.is.host, sides_[peer_of(at)].is.host)) {
            network_.stalled.push_back(weak_from_this());
            continue;
        }
        own.stalled = false;
        network_.events.cancel(own.next);
        // All that was sent meanwhile is sent once more, in its order.
        own.arrival_ns = std::max(own.arrival_ns, monotonic_ns() + network_.draw_delay_ns());
        for (segment& one : own.under_way) one.at_ns = own.arrival_ns;
        expect_first(at);
    }
}

void simulated_connection::deliver(std::size_t from, segment& one) {
    const std::size_t at = peer_of(from);
    side& own = sides_[at];
    switch (one.kind) {
    case segment_kind::action: return one.action();
    case segment_kind::reset:
        return break_end(at, own.fin_received && !own.fin_sent ? EPIPE : ECONNRESET);
    case segment_kind::lost: network_.tell(step::fault_reset); return reset();
    case segment_kind::data:
        if (own.broken || own.closed) { // nobody is there to read it
            if (!sides_[from].broken) push(at, segment_kind::reset);
            return;
        }
        if (own.read != 0) own.received.erase(0, std::exchange(own.read, 0));
        own.received += one.data;
        break;
    case segment_kind::fin:
        if (own.broken) return;
        own.fin_received = true;
        break;
    }
    changed(at);
}

void simulated_connection::reset() {
    for (std::size_t at = 0; at < sides_.size(); ++at) break_end(at, ECONNRESET);
}

void simulated_connection::break_end(std::size_t at, int error) {
    side& own = sides_[at];
    if (own.broken) return;
    own.broken = true;
    own.error = error;
    forget_under_way(at);
    changed(at);
}

void simulated_connection::forget_under_way(std::size_t at) {
    side& own = sides_[at];
    if (!own.under_way.empty()) network_.events.cancel(own.next);
    own.stalled = false;
    own.under_way.clear();
    own.bytes_under_way = 0;
}

// --- What an end does -----------------------------------------------------------------------

int simulated_connection::receive(std::size_t at, char* into, std::size_t size) {
    side& own = sides_[at];
    const std::size_t held = own.received.size() - own.read;
    if (held != 0) {
        const std::size_t count = std::min(size, held);
        own.received.copy(into, count, own.read);
        own.read += count;
        if (own.read == own.received.size()) own.received.clear(), own.read = 0;
        changed(peer_of(at)); // there is room again
        return static_cast<int>(count);
    }
    if (own.fin_received) return 0;
    if (own.error != 0) return -std::exchange(own.error, 0);
    return own.broken ? 0 : -EAGAIN;
}

short simulated_connection::readiness(std::size_t at) const {
    const side& own = sides_[at];
    int ready = 0;
    if (own.read != own.received.size() || own.fin_received || own.broken) ready |= POLLIN;
    if (own.fin_received || own.broken) ready |= POLLRDHUP;
    if (own.broken || own.fin_sent || room(at) != 0) ready |= POLLOUT;
    if (own.error != 0) ready |= POLLERR;
    if (own.broken || (own.fin_received && own.fin_sent)) ready |= POLLHUP;
    return static_cast<short>(ready);
}

void simulated_connection::close(std::size_t at) {
    side& own = sides_[at];
    own.is.user = nullptr;
    if (std::exchange(own.closed, true) || own.broken) return;
    if (own.reset_on_close) {
        forget_under_way(at);
    } else if (own.read == own.received.size()) {
        if (!std::exchange(own.fin_sent, true)) push(at, segment_kind::fin);
        return;
    }
    push(at, segment_kind::reset); // Linux, where something was left unread, too (RFC 1122)
    own.broken = true;
}

void simulated_connection::changed(std::size_t at) {
    if (sides_[at].is.user != nullptr) sides_[at].is.user->end_changed();
}

} // namespace coir::detail
