// SPDX-License-Identifier: MIT
#include "io/descriptor.hpp"

#include "base/asymmetric_fence.hpp"
#include "io/socket_calls.hpp"
#include "io/watch.hpp"
#include "wait/cancellation.hpp"
#include "wait/park.hpp"

#include <coir/detail/scheduling_point.hpp>

#include <poll.h>
#include <unistd.h>

#include <memory>
#include <mutex>
#include <utility>

namespace coir::detail {

void descriptor_deleter::operator()(descriptor* closed) const noexcept { delete closed; }

void descriptor_handle::close() noexcept {
    if (descriptor_ != nullptr) descriptor_->close();
}

int descriptor_handle::native_handle() const noexcept {
    return descriptor_ != nullptr && !descriptor_->closing() ? descriptor_->fd() : -1;
}

struct descriptor::watches {
    explicit watches(descriptor& of) noexcept
        : readable{of, POLLIN | POLLRDHUP}, writable{of, POLLOUT} {}
    watch readable;
    watch writable;
};

descriptor::~descriptor() {
    close();
    delete watches_.load(std::memory_order_relaxed); // nobody else is left
}

watch& descriptor::readiness(io_direction direction) {
    // acquire, and release below: publishes the watches to those who did not make them.
    watches* known = watches_.load(std::memory_order_acquire);
    if (known == nullptr) {
        auto made = std::make_unique<watches>(*this);
        if (watches_.compare_exchange_strong(known, made.get(), std::memory_order_acq_rel,
                                             std::memory_order_acquire)) {
            known = made.release();
        }
    }
    return direction == io_direction::read ? known->readable : known->writable;
}

void throw_if_failed(int result, const std::string& call) {
    if (result < 0) throw std::system_error{-result, std::system_category(), call};
}

select_source* source_at(descriptor* waited_for, io_direction direction) {
    return waited_for != nullptr ? &waited_for->readiness(direction) : nullptr;
}

bool descriptor::enter(io_operation& operation) noexcept {
    const std::lock_guard guard{lock_};
    if (closing()) return false;
    under_way_.push_back(operation);
    return true;
}

void descriptor::leave(io_operation& operation) noexcept {
    lock_.lock();
    under_way_.remove(operation);
    unlock_and_tell();
}

bool descriptor::begin_use() noexcept {
    const std::lock_guard guard{lock_};
    if (closing()) return false;
    ++users_;
    return true;
}

void descriptor::end_use() noexcept {
    lock_.lock();
    --users_;
    unlock_and_tell();
}

void descriptor::unlock_and_tell() noexcept {
    wait_node* const closer = in_use() ? nullptr : std::exchange(closer_, nullptr);
    lock_.unlock(); // the closer may free the descriptor as soon as it runs
    if (closer == nullptr || !claimed(*closer->party, closer->epoch)) return;
    closer->party->result = closer->index;
    wake(*closer->party);
}

bool descriptor::begin_close() noexcept {
    const std::lock_guard guard{lock_};
    if (closing() || fd() < 0) return false;
    closing_.store(true, std::memory_order_relaxed);
    return true;
}

void descriptor::close() noexcept {
    if (fd() >= 0) scheduling_point(step::hang_up, this);
    const int fd = release();
    if (fd < 0 || kept_open_) return;
    close_number(fd);
}

int descriptor::release() noexcept {
    if (!begin_close()) return -1;
    wait_until_left();
    return fd_.exchange(-1, std::memory_order_relaxed);
}

void descriptor::wait_until_left() noexcept {
    lock_.lock();
    if (!in_use()) return lock_.unlock();
    lock_.unlock();
    heavy_fence(); // store the mark, load the words: partner is the light fence before
                   // look_at_close
    lock_.lock();
    for (io_operation* one = under_way_.front(); one != nullptr; one = under_way_.after(*one)) {
        static_cast<void>(interrupt_wait(*one->party, one->epoch, interruption_force::close));
    }
    lock_.unlock();
    // acquire: a select that began before the mark was set has made them.
    if (watches* const made = watches_.load(std::memory_order_acquire)) {
        made->readable.close();
        made->writable.close();
    }
    lock_.lock();
    if (!in_use()) return lock_.unlock();
    waiter& self = current_waiter();
    wait_node node;
    node.party = &self;
    node.epoch = next_epoch(self);
    closer_ = &node;
    const auto unlock = [](void* lock) noexcept { static_cast<biased_lock*>(lock)->unlock(); };
    park(self, {wait_kind::close, this, unlock, &lock_, INT64_MAX, interruption::refused});
}

} // namespace coir::detail
