// SPDX-License-Identifier: MIT
#include "io/watch.hpp"

#include "io/descriptor.hpp"
#include "io/socket_calls.hpp"

#include <cerrno>
#include <mutex>

namespace coir::detail {

watch::watch(descriptor& of, short events) noexcept : of_{of}, events_{events} {
    completed = poll_completed;
    evict = worker_ends;
    end_call_.run = end_arrives;
    end_call_.of = this;
}

bool watch::enter() noexcept { return of_.begin_use(); }
void watch::leave() noexcept { of_.end_use(); }
bool watch::closing() const noexcept { return of_.closing(); }
pollfd watch::polled() const noexcept { return {of_.fd(), events_, 0}; }

bool watch::look() noexcept {
    pollfd asked = polled();
    return closing() || poll_now(asked) > 0;
}

// --- Those that wait ------------------------------------------------------------------------

// Keeps the home worker's count, which the deadlock report needs: a poll that nobody waits for
// wakes nobody. (One that ends wakes the closer.)
void watch::count_idle(bool was_idle) noexcept {
    if (was_idle == idle()) return;
    if (was_idle) {
        home_->idle_residents.fetch_sub(1, std::memory_order_relaxed);
    } else {
        home_->idle_residents.fetch_add(1, std::memory_order_relaxed);
    }
}

void watch::enqueue(wait_node& node) noexcept {
    const bool was_idle = idle();
    waiting_.enqueue(node);
    count_idle(was_idle);
}

void watch::withdraw(wait_node& node) noexcept {
    const std::lock_guard guard{lock};
    const bool was_idle = idle();
    waiting_.withdraw(node);
    count_idle(was_idle);
}

void watch::claim_all(wake_list& woken, bool by_readiness) noexcept {
    const bool was_idle = idle();
    while (wait_node* const node = waiting_.claim_first()) {
        node->succeeded = by_readiness;
        woken.add(*node);
    }
    count_idle(was_idle);
}

// --- The poll -------------------------------------------------------------------------------

void watch::arm() noexcept {
    worker& here = *current_worker();
    {
        const std::lock_guard guard{lock};
        if (armed_ || waiting_.empty() || !of_.begin_use()) return;
        armed_ = true;
        ending_ = completed_ = end_arrived_ = false;
        home_ = &here;
    }
    // From here on close() may post to this worker, which reads its mail when this is submitted.
    here.add_resident(*this);
    here.io().submit(*this, request::poll(of_.fd(), events_));
}

void watch::poll_completed(io_completion& completion, int result, unsigned) noexcept {
    auto& self = static_cast<watch&>(completion);
    {
        const std::lock_guard guard{self.lock};
        self.result_ = result;
        self.completed_ = true;
        if (self.ending_ && !self.end_arrived_) return; // left to the message
    }
    self.disarm();
}

void watch::end_arrives(remote_call& call, worker& home) noexcept {
    watch& self = *static_cast<end_message&>(call).of;
    bool completed = false;
    {
        const std::lock_guard guard{self.lock};
        self.end_arrived_ = true;
        completed = self.completed_;
    }
    if (completed) {
        self.disarm();
    } else {
        home.io().cancel(self);
    }
}

void watch::worker_ends(worker_resident& resident, worker& home) noexcept {
    auto& self = static_cast<watch&>(resident);
    {
        const std::lock_guard guard{self.lock};
        if (self.ending_) return; // the message comes, and does it
    }
    home.io().cancel(self);
}

// On the home worker, when nothing of the poll is left anywhere.
void watch::disarm() noexcept {
    wake_list woken;
    home_->remove_resident(*this);
    {
        const std::lock_guard guard{lock};
        const bool was_idle = idle();
        armed_ = false;
        count_idle(was_idle);
        claim_all(woken, result_ != -ECANCELED);
    }
    woken.wake();
    of_.end_use(); // a closer may now free the watch
}

void watch::close() noexcept {
    wake_list woken;
    {
        const std::lock_guard guard{lock};
        claim_all(woken, false);
        if (armed_ && !ending_) {
            const bool was_idle = idle();
            ending_ = true;
            count_idle(was_idle);
            // Under the lock: disarm() takes it, and only then may the worker end.
            home_->post(end_call_);
        }
    }
    woken.wake();
}

} // namespace coir::detail
