// SPDX-License-Identifier: MIT
#include "ring/epoll_poller.hpp"

#include "base/check.hpp"
#include "base/internal_descriptor.hpp"
#include "ring/file_pool.hpp"
#include "ring/io_attempt.hpp"
#include "ring/readiness.hpp"
#include "ring/timeout.hpp"

#include <poll.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <new>
#include <system_error>
#include <utility>

namespace coir::detail {

static_assert(POLLIN == EPOLLIN && POLLOUT == EPOLLOUT && POLLERR == EPOLLERR &&
                  POLLHUP == EPOLLHUP && POLLRDHUP == EPOLLRDHUP && POLLPRI == EPOLLPRI,
              "poll's and epoll's events are the same bits");

epoll_poller::epoll_poller() {
    epoll_ = above_standard_streams(::epoll_create1(EPOLL_CLOEXEC));
    if (epoll_ < 0) throw std::system_error(errno, std::system_category(), "epoll_create1");
    epoll_event event{};
    event.events = EPOLLIN | EPOLLET; // never read: each write is an edge
    event.data.fd = wake_.descriptor();
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_.descriptor(), &event) != 0) {
        const int error = errno;
        ::close(epoll_);
        throw std::system_error(error, std::system_category(), "epoll_ctl");
    }
}

epoll_poller::~epoll_poller() {
    if (in_flight() != 0) fatal("a poller is destroyed while operations are under way");
    // acquire: pairs with the release in take_back(), after which its thread is done with us.
    while (pool_users_.load(std::memory_order_acquire) != 0) ::sched_yield();
    ::close(epoll_);
}

// --- submitting --------------------------------------------------------------------------------

void epoll_poller::submit(io_completion& completion, const io_request& request) noexcept {
    count(+1);
    completion.request_ = request;
    completion.cancelled_ = false;
    completion.owner_ = this;
    if (must_queue(request)) {
        await_readiness(completion);
    } else {
        settle(completion, attempt(request, false));
    }
}

// Operations on one descriptor are served in the order of their arrival.
bool epoll_poller::must_queue(const io_request& request) noexcept {
    if (!waits_for_readiness(request) || request.opcode == io_opcode::splice) return false;
    descriptor* const found = descriptor_of(request.fd);
    if (found == nullptr || found->waiting.empty()) [[likely]]
        return false;
    const unsigned direction = awaited(request).events & (POLLIN | POLLOUT);
    for (const io_completion* each = found->waiting.front(); each != nullptr; each = each->next) {
        const bool moves_bytes = each->request_.opcode != io_opcode::poll;
        if (moves_bytes && (each->wait_events_ & direction) != 0) return true;
    }
    return false;
}

// Takes the outcome of an attempt to where it belongs.
void epoll_poller::settle(io_completion& completion, int result) noexcept {
    const io_request& request = completion.request_;
    const bool waits = (result == -EAGAIN &&
                        (waits_for_readiness(request) || request.opcode == io_opcode::poll)) ||
                       (result == -EINPROGRESS && request.opcode == io_opcode::connect);
    if (result == needs_thread) {
        pool_users_.fetch_add(1, std::memory_order_relaxed); // the pool's mutex publishes it
        file_pool::instance().offload(completion);
    } else if (waits) {
        await_readiness(completion);
    } else {
        finish_later(completion, result);
    }
}

void epoll_poller::await_readiness(io_completion& completion) noexcept {
    const awaited_readiness readiness = awaited(completion.request_);
    descriptor* const waited_for = make_descriptor(readiness.fd);
    if (waited_for == nullptr) {
        finish_later(completion, -ENOMEM);
        return;
    }
    completion.wait_events_ = readiness.events;
    completion.wait_fd_ = readiness.fd;
    completion.stage_ = stage::waiting;
    waited_for->waiting.push_back(completion);
    const int error = watch(readiness.fd, *waited_for);
    if (error == 0) {
        ++waiting_count_;
        return;
    }
    waited_for->waiting.remove(completion);
    // EPERM: a file of a kind that is never waited for, and nevertheless would make us wait.
    settle(completion, error == EPERM ? needs_thread : -error);
}

void epoll_poller::cancel(io_completion& completion) noexcept {
    if (completion.cancelled_) return;
    completion.cancelled_ = true;
    if (completion.stage_ == stage::waiting) {
        descriptor& waited_for = *descriptor_of(completion.wait_fd_);
        waited_for.waiting.remove(completion);
        --waiting_count_;
        // The descriptor may be closed from now on, and its number used again: trust nothing.
        if (waited_for.waiting.empty()) waited_for.watched = 0;
        finish_later(completion, -ECANCELED);
    } else if (completion.stage_ == stage::offloaded &&
               file_pool::instance().withdraw(completion)) {
        pool_users_.fetch_sub(1, std::memory_order_relaxed); // nobody else knows of it
        finish_later(completion, -ECANCELED);
    }
}

void epoll_poller::finish_later(io_completion& completion, int result) noexcept {
    completion.result_ = result;
    completion.stage_ = stage::finished;
    finished_.push_back(completion);
}

// --- descriptors -------------------------------------------------------------------------------

epoll_poller::descriptor* epoll_poller::descriptor_of(int fd) noexcept {
    const auto index = static_cast<std::size_t>(fd);
    if (fd < 0 || index / chunk_size >= chunks_.size()) return nullptr;
    descriptor* const chunk = chunks_[index / chunk_size].get();
    return chunk == nullptr ? nullptr : &chunk[index % chunk_size];
}

epoll_poller::descriptor* epoll_poller::make_descriptor(int fd) noexcept {
    if (descriptor* const found = descriptor_of(fd)) return found;
    const std::size_t chunk = static_cast<std::size_t>(fd) / chunk_size;
    try {
        if (chunk >= chunks_.size()) chunks_.resize(chunk + 1);
        chunks_[chunk] = std::make_unique<descriptor[]>(chunk_size);
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
    return descriptor_of(fd);
}

// Makes the kernel watch for all that the list waits for; returns 0 or an errno.
int epoll_poller::watch(int fd, descriptor& watched) noexcept {
    unsigned wanted = 0;
    for (const io_completion* each = watched.waiting.front(); each != nullptr; each = each->next) {
        wanted |= each->wait_events_;
    }
    if (watched.watched != 0 && (wanted & ~watched.watched) == 0) return 0;
    epoll_event event{};
    event.events = wanted | EPOLLONESHOT;
    event.data.fd = fd;
    int operation = watched.registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    int error = ::epoll_ctl(epoll_, operation, fd, &event) == 0 ? 0 : errno;
    if (error == ENOENT || error == EEXIST) { // the guess was wrong: the number has a new meaning
        operation = error == ENOENT ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
        error = ::epoll_ctl(epoll_, operation, fd, &event) == 0 ? 0 : errno;
    }
    watched.registered = error == 0;
    watched.watched = error == 0 ? wanted | EPOLLONESHOT : 0;
    return error;
}

void epoll_poller::handle_event(const epoll_event& event) noexcept {
    const int fd = event.data.fd;
    descriptor* const found = descriptor_of(fd);
    if (found == nullptr) return; // the wake-up, or a number that lost its meaning
    found->watched = 0;
    unsigned exhausted = 0; // directions in which an earlier operation still waits
    // Those that wait on come back into the list, each in its turn and no more than once.
    intrusive_list<io_completion> waiting = std::exchange(found->waiting, {});
    while (io_completion* const each = waiting.pop_front()) {
        const bool concerned = (event.events & (each->wait_events_ | EPOLLERR | EPOLLHUP)) != 0;
        if (!concerned || (each->wait_events_ & exhausted) != 0) {
            found->waiting.push_back(*each);
            continue;
        }
        const int result = attempt(each->request_, true);
        if (result == -EAGAIN && each->request_.opcode != io_opcode::splice) {
            const bool moves_bytes = each->request_.opcode != io_opcode::poll;
            if (moves_bytes) exhausted |= each->wait_events_ & (EPOLLIN | EPOLLOUT);
            found->waiting.push_back(*each);
            continue;
        }
        --waiting_count_;
        settle(*each, result); // a splice may wait for its other end now
    }
    if (found->waiting.empty()) return;
    if (const int error = watch(fd, *found); error != 0) { // closed under our feet
        while (io_completion* const each = found->waiting.pop_front()) {
            --waiting_count_;
            finish_later(*each, -error);
        }
    }
}

// --- the file pool -----------------------------------------------------------------------------

void epoll_poller::take_back(io_completion& completion) noexcept {
    io_completion* head = from_pool_.load(std::memory_order_relaxed); // the exchange checks it
    do {
        completion.next_finished_ = head;
        // release: publishes the result; pairs with the acquire in collect_from_pool().
    } while (!from_pool_.compare_exchange_weak(head, &completion, std::memory_order_release,
                                               std::memory_order_relaxed));
    wake_.signal(); // the completion is the owner's and may be gone
    // release: we are done with the poller; pairs with the acquire in its destructor.
    pool_users_.fetch_sub(1, std::memory_order_release);
}

void epoll_poller::collect_from_pool() noexcept {
    // relaxed: what is missed now has called wake_.signal(), or will, and ends the next wait().
    if (from_pool_.load(std::memory_order_relaxed) == nullptr) return;
    // acquire: pairs with the release in take_back().
    io_completion* stack = from_pool_.exchange(nullptr, std::memory_order_acquire);
    io_completion* oldest_first = nullptr;
    while (stack != nullptr) {
        io_completion* const below = stack->next_finished_;
        stack->next_finished_ = oldest_first;
        oldest_first = stack;
        stack = below;
    }
    while (oldest_first != nullptr) {
        io_completion* const next = oldest_first->next_finished_;
        finish_later(*oldest_first, oldest_first->result_);
        oldest_first = next;
    }
}

// --- waiting and delivering --------------------------------------------------------------------

bool epoll_poller::poll() noexcept {
    return handle_and_deliver(waiting_count_ == 0 ? 0 : sleep(0));
}

void epoll_poller::wait(std::int64_t deadline_ns) noexcept {
    collect_from_pool();
    if (!finished_.empty() || !wake_.begin_sleep()) {
        poll();
        return;
    }
    const int event_count = sleep(deadline_ns);
    wake_.end_sleep();
    handle_and_deliver(event_count);
}

// Returns the number of events; 0 also after a signal. A deadline of 0 only looks.
int epoll_poller::sleep(std::int64_t deadline_ns) noexcept {
    const int room = static_cast<int>(events_.size());
    if (deadline_ns == 0) return std::max(0, ::epoll_wait(epoll_, events_.data(), room, 0));
    if (deadline_ns == no_deadline) {
        return std::max(0, ::epoll_wait(epoll_, events_.data(), room, -1));
    }
    const std::int64_t rest_ns = nanoseconds_until(deadline_ns);
    if (fine_timeouts_) {
        const auto timeout = as_timespec<timespec>(rest_ns);
        const int result = ::epoll_pwait2(epoll_, events_.data(), room, &timeout, nullptr);
        if (result >= 0) return result;
        if (const int error = errno; error == EINTR) return 0;
        fine_timeouts_ = false; // before 5.11, or a filter that does not know the call
    }
    // Rounded up, lest we return before the deadline and spin until it comes.
    const std::int64_t rest_ms = rest_ns / 1'000'000 + (rest_ns % 1'000'000 != 0 ? 1 : 0);
    const int timeout_ms =
        static_cast<int>(std::min<std::int64_t>(rest_ms, std::numeric_limits<int>::max()));
    return std::max(0, ::epoll_wait(epoll_, events_.data(), room, timeout_ms));
}

bool epoll_poller::handle_and_deliver(int event_count) noexcept {
    for (int i = 0; i < event_count; ++i) handle_event(events_[static_cast<std::size_t>(i)]);
    collect_from_pool();
    return deliver();
}

// Takes what was there at the start; what `completed` adds is left to the next call, so that the
// scheduler has its turn.
bool epoll_poller::deliver() noexcept {
    intrusive_list<io_completion> list = finished_;
    finished_ = {};
    bool delivered = false;
    while (io_completion* const completion = list.pop_front()) {
        const int result = completion->result_;
        completion->stage_ = stage::idle;
        delivered = true;
        completion->completed(*completion, result, 0);
        count(-1); // only now: whoever finds nothing in flight finds what the completion led to
    }
    return delivered;
}

} // namespace coir::detail
