// SPDX-License-Identifier: MIT
#include "net/accept.hpp"

#include <coir/detail/scheduling_point.hpp>

#include <fcntl.h>

namespace coir::detail {
namespace {

// Errors of the connection that was about to be accepted, not of the listener (accept(2)).
bool is_passing(int failure) {
    switch (failure) {
    case ECONNABORTED:
    case EINTR:
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case ENETUNREACH: return true;
    default: return false;
    }
}

int accept_simulated(int listener, sockaddr_storage* peer) noexcept {
    socklen_t size = sizeof *peer;
    auto* const address = reinterpret_cast<sockaddr*>(peer);
    return ask_simulation(
        [&](simulated_sockets& sockets) { return sockets.accept(listener, address, &size); });
}

} // namespace

int accept_waiting(descriptor* listener, sockaddr_storage* peer) {
    if (listener == nullptr) return -EBADF;
    scheduling_point(step::accept, listener);
    auto* const address = reinterpret_cast<sockaddr*>(peer);
    int result = 0;
    do {
        socklen_t size = sizeof *peer;
        result = perform(request::accept(listener->fd(), address, peer != nullptr ? &size : nullptr,
                                         new_socket_flags()),
                         listener);
    } while (result < 0 && is_passing(-result));
    return result;
}

int accept_attempt(int listener, sockaddr_storage* peer) noexcept {
    if (is_simulated(listener)) return accept_simulated(listener, peer);
    // Without O_NONBLOCK it would wait where somebody else was faster.
    const int flags = ::fcntl(listener, F_GETFL);
    if ((flags & O_NONBLOCK) == 0) ::fcntl(listener, F_SETFL, flags | O_NONBLOCK);
    socklen_t size = sizeof *peer;
    const int result = ::accept4(listener, reinterpret_cast<sockaddr*>(peer),
                                 peer != nullptr ? &size : nullptr, new_socket_flags());
    if (result >= 0) return result;
    const int failure = errno;
    return is_passing(failure) ? -EAGAIN : -failure;
}

} // namespace coir::detail
