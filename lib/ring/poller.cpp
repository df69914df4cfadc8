// SPDX-License-Identifier: MIT
#include "ring/poller.hpp"

#include "base/valgrind.hpp"
#include "ring/epoll_poller.hpp"
#include "ring/uring_poller.hpp"

#include <cerrno>
#include <system_error>

namespace coir::detail {

struct poller_factory {
    static std::unique_ptr<poller> after_refusal(int error) {
        auto made = std::make_unique<epoll_poller>();
        made->refused_errno_ = error;
        return made;
    }
};

namespace {

// ENOSYS: a kernel without io_uring. EPERM: a seccomp filter or kernel.io_uring_disabled. EINVAL: a
// kernel whose io_uring lacks what we need. Anything else (no memory, no descriptors) would strike
// epoll as well, or is worth knowing.
bool means_no_io_uring(int error) noexcept {
    return error == ENOSYS || error == EPERM || error == EINVAL;
}

} // namespace

std::unique_ptr<poller> make_poller(io_backend wanted, ring_options options) {
    if (wanted == io_backend::epoll) return std::make_unique<epoll_poller>();
    // Valgrind (3.19) lets one thread run at a time and does not know that
    // io_uring_enter waits: a worker that sleeps in it would stop all others for ever.
    if (wanted == io_backend::automatic && runs_on_valgrind()) {
        return std::make_unique<epoll_poller>();
    }
    if (wanted == io_backend::uring) return std::make_unique<uring_poller>(options);
    try {
        return std::make_unique<uring_poller>(options);
    } catch (const std::system_error& error) {
        if (!means_no_io_uring(error.code().value())) throw;
        return poller_factory::after_refusal(error.code().value());
    }
}

} // namespace coir::detail
