// SPDX-License-Identifier: MIT
#include "ring/refusing_poller.hpp"

#include <cerrno>

namespace coir::detail {

void refusing_poller::submit(io_completion& completion, const io_request&) noexcept {
    refused_.push_back(completion);
    count(1);
}

bool refusing_poller::poll() noexcept {
    bool any = false;
    while (io_completion* const completion = refused_.pop_front()) {
        count(-1);
        completion->completed(*completion, -EOPNOTSUPP, 0);
        any = true;
    }
    return any;
}

} // namespace coir::detail
