// SPDX-License-Identifier: MIT
#include "testing/simulated_network.hpp"

#include "testing/host_of_caller.hpp"
#include "testing/simulated_socket.hpp"

#include <poll.h>

#include <algorithm>
#include <bit>
#include <utility>

namespace coir::detail {

void simulated_network::begin_run(std::uint64_t seed, const testing::network_options& options) {
    state_.random = fast_random{seed};
    state_.options = options;
    state_.hosts.begin();
    last_port_ = 0;
}

void simulated_network::end_run() {
    state_.events.clear();
    for (const socket_pointer& one : sockets_) {
        if (one == nullptr) continue;
        keep_number(one->fd);
        abandon_operations(*one);
        one->link = nullptr; // whose segments may hold the socket
        one->queue.clear();
    }
    // What completes here may be freed by it: nobody waits any more but watches.
    static_cast<void>(poll());
    sockets_.clear();
    state_.stalled.clear();
}

void simulated_network::reset_connections(const topology::host* of) {
    for (const socket_pointer& one : std::vector<socket_pointer>{sockets_}) {
        if (one == nullptr || one->link == nullptr) continue;
        const topology::host first = one->link->end_at(0).host;
        const topology::host second = one->link->end_at(1).host;
        if (of == nullptr || first == *of || second == *of) one->link->reset();
    }
}

// --- Operations -----------------------------------------------------------------------------

void simulated_network::submit(io_completion& completion, const io_request& request) noexcept {
    count(1);
    if (!is_simulated(request.fd)) return finish(completion, -EOPNOTSUPP);
    socket* const on = find(request.fd);
    if (on == nullptr) return finish(completion, -EBADF);
    const int result = attempt(*on, request);
    if (result != -EAGAIN || (request.flags & MSG_DONTWAIT) != 0) return finish(completion, result);
    on->waiting.push_back({&completion, request});
}

void simulated_network::cancel(io_completion& completion) noexcept {
    for (const socket_pointer& one : sockets_) {
        if (one == nullptr) continue;
        const auto found = std::ranges::find_if(
            one->waiting, [&](const operation& each) { return each.completion == &completion; });
        if (found == one->waiting.end()) continue;
        one->waiting.erase(found);
        return finish(completion, -ECANCELED);
    }
}

bool simulated_network::poll() noexcept {
    bool any = false;
    while (!finished_.empty()) {
        const finished first = finished_.front();
        finished_.pop_front();
        count(-1);
        first.completion->completed(*first.completion, first.result, 0);
        any = true;
    }
    return any;
}

void simulated_network::finish(io_completion& completion, int result) {
    finished_.push_back({&completion, result});
}

int simulated_network::attempt(socket& on, const io_request& request) {
    switch (request.opcode) {
    case io_opcode::accept:
        return accept(on.fd, static_cast<sockaddr*>(const_cast<void*>(request.address)),
                      std::bit_cast<socklen_t*>(static_cast<std::uintptr_t>(request.offset)));
    case io_opcode::connect: return attempt_connect(on, request);
    case io_opcode::recv:
        if (on.link == nullptr || on.now != socket::stage::connected) return -ENOTCONN;
        return on.link->receive(on.end, static_cast<char*>(const_cast<void*>(request.address)),
                                request.length);
    case io_opcode::send:
        if (on.link == nullptr || on.now != socket::stage::connected) return -EPIPE;
        return on.link->send(on.end, static_cast<const char*>(request.address), request.length);
    case io_opcode::poll: {
        const short ready = readiness(on.fd, static_cast<short>(request.flags));
        return ready != 0 ? ready : -EAGAIN;
    }
    default: return -EOPNOTSUPP;
    }
}

// In their order; a later one of another kind may go on where an earlier one cannot.
void simulated_network::progress(socket& on) {
    for (std::size_t i = 0; i < on.waiting.size();) {
        const operation one = on.waiting[i];
        const int result = attempt(on, one.request);
        if (result == -EAGAIN) {
            ++i;
            continue;
        }
        std::erase_if(on.waiting,
                      [&](const operation& each) { return each.completion == one.completion; });
        finish(*one.completion, result);
    }
}

void simulated_network::abandon_operations(socket& on) {
    for (const operation& one : std::exchange(on.waiting, {})) {
        finish(*one.completion, -ECANCELED);
    }
}

// --- Sockets --------------------------------------------------------------------------------

simulated_network::socket* simulated_network::find(int fd) const noexcept {
    const auto at = static_cast<std::size_t>(fd - first_simulated_descriptor);
    return is_simulated(fd) && at < sockets_.size() ? sockets_[at].get() : nullptr;
}

int simulated_network::add(socket_pointer made) {
    std::size_t at = 0;
    const auto number = [&at] { return first_simulated_descriptor + static_cast<int>(at); };
    while ((at < sockets_.size() && sockets_[at] != nullptr) || is_number_kept(number())) ++at;
    if (at >= sockets_.size()) sockets_.resize(at + 1);
    made->fd = number();
    sockets_[at] = std::move(made);
    return number();
}

int simulated_network::open(int family, int type) noexcept {
    const bool known = family == AF_INET || family == AF_INET6;
    if (!known || type != SOCK_STREAM) return -EOPNOTSUPP;
    auto made = std::make_shared<socket>(*this, host_of_caller());
    made->v6 = family == AF_INET6;
    return add(std::move(made));
}

bool simulated_network::close(int fd) noexcept {
    socket* const found = find(fd);
    if (found == nullptr) return false;
    const socket_pointer closed =
        std::exchange(sockets_[static_cast<std::size_t>(fd - first_simulated_descriptor)], nullptr);
    abandon_operations(*closed);
    state_.events.cancel(closed->next_try);
    state_.events.cancel(closed->giving_up);
    for (const std::shared_ptr<simulated_connection>& waiting : closed->queue) {
        waiting->set_reset_on_close(1, true);
        waiting->close(1);
    }
    if (closed->link != nullptr) closed->link->close(closed->end);
    return true;
}

int simulated_network::receive(int fd, void* into, std::size_t size) noexcept {
    socket* const on = find(fd);
    if (on == nullptr) return -EBADF;
    if (on->link == nullptr) return -ENOTCONN;
    return on->link->receive(on->end, static_cast<char*>(into), size);
}

int simulated_network::shutdown_write(int fd) noexcept {
    socket* const on = find(fd);
    if (on == nullptr) return -EBADF;
    if (on->link == nullptr) return -ENOTCONN;
    const int result = on->link->shutdown_write(on->end);
    progress(*on);
    return result;
}

int simulated_network::set_reset_on_close(int fd, bool on) noexcept {
    socket* const one = find(fd);
    if (one == nullptr) return -EBADF;
    if (one->link != nullptr) one->link->set_reset_on_close(one->end, on);
    return 0;
}

int simulated_network::address_of(int fd, socket_end end, sockaddr_storage& address) noexcept {
    const socket* const on = find(fd);
    if (on == nullptr) return -EBADF;
    if (end == socket_end::remote && on->now != socket::stage::connected) return -ENOTCONN;
    const endpoint& found = end == socket_end::local ? on->local : on->remote;
    std::memcpy(&address, found.native(), found.native_size());
    return 0;
}

short simulated_network::readiness(int fd, short events) noexcept {
    const socket* const on = find(fd);
    if (on == nullptr) return POLLNVAL;
    constexpr int unasked = POLLERR | POLLHUP | POLLNVAL;
    int ready = 0;
    if (on->now == socket::stage::listening) {
        ready = on->queue.empty() ? 0 : POLLIN;
    } else if (on->now == socket::stage::connected) {
        ready = on->link->readiness(on->end);
    }
    return static_cast<short>(ready & (events | unasked));
}

std::vector<std::string> simulated_network::addresses_of(const std::string& name, naming how) {
    if (name == "localhost") return {"127.0.0.1"};
    if (is_numeric(name)) return {name};
    if (how == naming::made) {
        const topology::host host = state_.hosts.host_bound_as(name, host_of_caller());
        return {state_.hosts.address_of(host)};
    }
    const std::optional<topology::host> known = state_.hosts.find(name);
    if (!known) return {};
    return {state_.hosts.address_of(*known)};
}

} // namespace coir::detail
