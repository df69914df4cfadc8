// SPDX-License-Identifier: MIT
#include "io/descriptor.hpp"

#include "base/asymmetric_fence.hpp"
#include "wait/cancellation.hpp"
#include "wait/park.hpp"

#include <unistd.h>

#include <mutex>
#include <utility>

namespace coir::detail {

bool descriptor::enter(io_operation& operation) noexcept {
    const std::lock_guard guard{lock_};
    if (closing()) return false;
    under_way_.push_back(operation);
    return true;
}

void descriptor::leave(io_operation& operation) noexcept {
    wait_node* closer = nullptr;
    {
        const std::lock_guard guard{lock_};
        under_way_.remove(operation);
        if (under_way_.empty()) closer = std::exchange(closer_, nullptr);
    }
    if (closer != nullptr && claimed(*closer->party, closer->epoch)) {
        closer->party->result = closer->index;
        wake(*closer->party);
    }
}

void descriptor::close() noexcept {
    {
        const std::lock_guard guard{lock_};
        if (closing() || fd() < 0) return;
        closing_.store(true, std::memory_order_relaxed);
    }
    wait_until_left();
    ::close(fd_.exchange(
        -1, std::memory_order_relaxed)); // Linux gives the number back even where it reports EINTR
}

void descriptor::wait_until_left() noexcept {
    lock_.lock();
    if (under_way_.empty()) return lock_.unlock();
    lock_.unlock();
    heavy_fence(); // store the mark, load the words: partner is the light fence before
                   // look_at_close
    lock_.lock();
    for (io_operation* one = under_way_.front(); one != nullptr; one = under_way_.after(*one)) {
        static_cast<void>(interrupt_wait(*one->party, one->epoch, interruption_force::close));
    }
    if (under_way_.empty()) return lock_.unlock();
    waiter& self = current_waiter();
    wait_node node;
    node.party = &self;
    node.epoch = next_epoch(self);
    closer_ = &node;
    const auto unlock = [](void* lock) noexcept { static_cast<spin_lock*>(lock)->unlock(); };
    park(self, {wait_kind::io, this, unlock, &lock_, INT64_MAX, interruption::refused});
}

int descriptor::release() noexcept { return fd_.exchange(-1, std::memory_order_relaxed); }

} // namespace coir::detail
