// SPDX-License-Identifier: MIT
#include "wait/thread_waiter.hpp"

#include "base/asymmetric_fence.hpp"
#include "base/futex.hpp"
#include "base/internal_descriptor.hpp"
#include "base/short_wait.hpp"
#include "sched/cancel_scope.hpp"
#include "sched/deadlock.hpp"
#include "timer/clock.hpp"
#include "wait/cancellation.hpp"

#include <sched.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <system_error>

namespace coir::detail {
namespace {

void count_as_parked(thread_waiter& self) noexcept {
    self.counted_as_parked = true;
    parked_threads.fetch_add(1, std::memory_order_seq_cst); // read by report_deadlock
}

void count_as_alive(thread_waiter& self) noexcept {
    if (!self.counted_as_parked) return;
    self.counted_as_parked = false;
    parked_threads.fetch_sub(1, std::memory_order_seq_cst);
}

bool is_woken(const thread_waiter& self) noexcept {
    // acquire: pairs with wake_thread's release; the result and the value are visible.
    return self.progress.load(std::memory_order_acquire) == thread_waiter::woken;
}

// The other side often is at it already, and to sleep and be woken takes 5 to 20 us: two threads
// that pass single words through a channel of capacity 1 are 50 times as fast with this. It costs
// some 3 us where nobody comes. On a busy machine others may run for long in a turn: so none is
// given away where there is a deadline.
bool is_woken_soon(const thread_waiter& self, std::int64_t deadline_ns) noexcept {
    constexpr int most_pauses = 128;
    // In which others run, if there are more threads than processors.
    const int most_turns = deadline_ns == never_ns ? 8 : 0;
    for (int i = 0; i < most_pauses; ++i) {
        if (is_woken(self)) return true;
        cpu_relax();
    }
    for (int i = 0; i < most_turns; ++i) {
        if (is_woken(self)) return true;
        ::sched_yield();
    }
    return false;
}

void sleep_until_woken(thread_waiter& self, std::uint64_t epoch, std::int64_t deadline_ns) {
    if (is_woken_soon(self, deadline_ns)) return;
    std::uint32_t seen = thread_waiter::waiting;
    // acquire: as in is_woken, if it has been woken meanwhile.
    self.progress.compare_exchange_strong(seen, thread_waiter::asleep, std::memory_order_acquire);
    while (!is_woken(self)) {
        futex_wait(self.progress, thread_waiter::asleep, deadline_ns);
        if (deadline_ns == never_ns || monotonic_ns() < deadline_ns) continue;
        deadline_ns = never_ns;
        if (is_woken(self)) return;
        if (claimed(self, epoch)) {
            self.result = wait_timed_out;
            return;
        } // else somebody is about to wake us
    }
}

void drain_wake_descriptor(thread_waiter& self) noexcept {
    std::uint64_t ignored = 0;
    static_cast<void>(::read(self.wake_descriptor, &ignored, sizeof ignored)); // or it was empty
}

// Whether one of the descriptors is ready; false: woken, or the time is up.
bool poll_until(thread_waiter& self, std::int64_t deadline_ns) noexcept {
    for (;;) {
        timespec timeout{};
        if (deadline_ns != never_ns) {
            const std::int64_t rest_ns = std::max<std::int64_t>(0, deadline_ns - monotonic_ns());
            timeout = {rest_ns / 1'000'000'000, rest_ns % 1'000'000'000};
        }
        const int count = ::ppoll(self.polled.data(), self.polled.size(),
                                  deadline_ns != never_ns ? &timeout : nullptr, nullptr);
        const int error = count < 0 ? errno : 0;
        if (count > 0) return self.polled.back().revents == 0;
        if (count == 0) return false;
        if (error != EINTR) ::sched_yield(); // no memory just now
    }
}

void poll_until_woken(thread_waiter& self, std::uint64_t epoch, std::int64_t deadline_ns) {
    const bool ready = poll_until(self, deadline_ns);
    if (ready && claimed(self, epoch)) {
        self.result = wait_polled;
        return;
    }
    sleep_until_woken(self, epoch, ready ? never_ns : deadline_ns);
}

} // namespace

thread_waiter::~thread_waiter() {
    if (wake_descriptor >= 0) ::close(wake_descriptor);
}

void thread_waiter::open_wake_descriptor() {
    if (wake_descriptor >= 0) return;
    wake_descriptor = above_standard_streams(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (wake_descriptor < 0) throw std::system_error{errno, std::system_category(), "eventfd"};
}

thread_waiter& current_thread_waiter() noexcept {
    static thread_local thread_waiter own;
    return own;
}

std::size_t park_thread(thread_waiter& self, const park_request& request,
                        wait_state opened) noexcept {
    const std::uint64_t epoch = next_epoch(self);
    self.progress.store(thread_waiter::waiting,
                        std::memory_order_relaxed); // published by the open word
    self.since_ns.store(monotonic_ns(), std::memory_order_relaxed);
    const bool polls = !self.polled.empty();
    if (polls) drain_wake_descriptor(self);
    if (request.deadline_ns == never_ns && !polls) count_as_parked(self);
    self.word.store(wait_word(epoch, opened), std::memory_order_release);
    bool interrupted = false;
    if (self.scope != nullptr) {
        light_fence(); // store the word, load the flag: partner in cancel()
        interrupted =
            self.scope->cancelled.load(std::memory_order_relaxed) && interrupt_wait(self, epoch);
    }
    request.release_held();
    if (interrupted) {
        count_as_alive(self);
    } else if (polls) {
        poll_until_woken(self, epoch, request.deadline_ns);
    } else {
        sleep_until_woken(self, epoch, request.deadline_ns);
    }
    return self.result;
}

void wake_thread(thread_waiter& party) noexcept {
    thread_wakes.fetch_add(1, std::memory_order_seq_cst); // read by report_deadlock
    count_as_alive(party);
    if (!party.polled.empty()) {
        const std::uint64_t one = 1;
        static_cast<void>(::write(party.wake_descriptor, &one, sizeof one)); // full: it is awake
    }
    // release: pairs with is_woken. The thread may end at once; futex_wake uses only the address.
    if (party.progress.exchange(thread_waiter::woken, std::memory_order_release) ==
        thread_waiter::asleep) {
        futex_wake(party.progress, 1);
    }
}

} // namespace coir::detail
