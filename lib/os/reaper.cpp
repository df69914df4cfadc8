// SPDX-License-Identifier: MIT
#include "os/reaper.hpp"

#include "base/internal_descriptor.hpp"
#include "base/own_thread.hpp"
#include "os/child.hpp"
#include "sched/per_process.hpp"
#include "sched/signal_mask.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace coir::detail {
namespace {

class reaper {
public:
    void take(int pidfd);

private:
    bool start_locked();
    void serve() noexcept;
    bool collect_arrivals();
    void reap_ended();

    std::mutex lock_;
    std::vector<int> arrived_;    // guarded by lock_, as the next
    int wake_ = -1;               // an eventfd; there is a thread while it is open
    std::vector<pollfd> waiting_; // the thread's own: the eventfd first
};

void reaper::take(int pidfd) {
    const std::lock_guard guard{lock_};
    arrived_.push_back(pidfd);
    if (wake_ < 0 && !start_locked()) return; // the next one tries again
    const std::uint64_t one = 1;
    static_cast<void>(::write(wake_, &one, sizeof one));
}

bool reaper::start_locked() {
    wake_ = above_standard_streams(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (wake_ < 0) return false;
    try {
        const worker_signal_mask mask;
        std::thread{[this] {
            const own_thread registered{"coir-reaper"};
            serve();
        }}.detach();
        return true;
    } catch (const std::system_error&) {
        ::close(std::exchange(wake_, -1));
        return false;
    }
}

void reaper::serve() noexcept {
    while (collect_arrivals()) {
        ::poll(waiting_.data(), waiting_.size(), -1);
        reap_ended();
    }
}

// False when there is nothing left to wait for; then the thread is no more.
bool reaper::collect_arrivals() {
    const std::lock_guard guard{lock_};
    if (waiting_.empty()) waiting_.push_back({wake_, POLLIN, 0});
    for (const int pidfd : arrived_) waiting_.push_back({pidfd, POLLIN, 0});
    arrived_.clear();
    std::uint64_t count = 0;
    static_cast<void>(::read(wake_, &count, sizeof count));
    if (waiting_.size() > 1) return true;
    waiting_.clear();
    ::close(std::exchange(wake_, -1));
    return false;
}

void reaper::reap_ended() {
    const auto is_over = [](const pollfd& one) {
        if (one.revents == 0 || !try_reap(one.fd).ended) return false;
        ::close(one.fd);
        return true;
    };
    const auto first_child = waiting_.begin() + 1;
    waiting_.erase(std::remove_if(first_child, waiting_.end(), is_over), waiting_.end());
}

} // namespace

void leave_to_reaper(int pidfd) noexcept {
    if (try_reap(pidfd).ended) {
        ::close(pidfd);
        return;
    }
    try {
        per_process<reaper>::get().take(pidfd);
    } catch (const std::bad_alloc&) { // it will be a zombie; the descriptor at least is given back
        ::close(pidfd);
    }
}

} // namespace coir::detail
