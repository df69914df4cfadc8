// SPDX-License-Identifier: MIT
#include "sched/busy_watch.hpp"

#include "base/futex.hpp"
#include "base/own_thread.hpp"
#include "sched/fork.hpp"
#include "sched/reports.hpp"
#include "sched/runtime_core.hpp"
#include "sched/signal_mask.hpp"
#include "timer/clock.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <ctime>
#include <string_view>
#include <vector>

namespace coir::detail {
namespace {

// Looks per limit. What a coroutine holds its worker for is added up from look to look, not taken
// from the clock alone: while the whole process stands still (a debugger, a suspended machine)
// nobody is to be blamed, nor while its thread waits for a processor that others have.
constexpr int looks_per_limit = 4;

struct observation {
    const coroutine* running = nullptr;
    std::uint64_t turn = 0;
    std::int64_t cpu_ns = 0; ///< the thread's, at the last look
    std::int64_t held_ns = 0;
};

std::int64_t cpu_time_ns(pid_t thread) noexcept {
    constexpr clockid_t scheduler_time_of_thread = 6; // of the kernel's encoding, as glibc's
    timespec time{};
    ::clock_gettime(~static_cast<clockid_t>(thread) * 8 | scheduler_time_of_thread, &time);
    return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

// Runs, or would if it had a processor; not in a system call that waits.
bool is_runnable(pid_t thread) noexcept {
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "/proc/self/task/%d/stat", static_cast<int>(thread));
    const int file = ::open(text.data(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return false;
    const ssize_t size = ::read(file, text.data(), text.size());
    ::close(file);
    const std::string_view stat{text.data(), size > 0 ? static_cast<std::size_t>(size) : 0};
    return stat.find(") R ") != std::string_view::npos; // behind the name, in parentheses
}

void look_at(const worker& one, std::int64_t look_ns, observation& last) noexcept {
    const std::uint64_t turn = one.turn();
    const coroutine* const running = one.seen_running();
    const std::int64_t cpu_ns = running != nullptr ? cpu_time_ns(one.thread()) : 0;
    if (running == nullptr || running != last.running || turn != last.turn) {
        last = {running, turn, cpu_ns, 0};
        return;
    }
    last.held_ns += is_runnable(one.thread()) ? cpu_ns - last.cpu_ns : look_ns;
    last.cpu_ns = cpu_ns;
}

} // namespace

void busy_watch::start() {
    const worker_signal_mask mask;
    thread_ = std::thread{[this] {
        const own_thread registered{"coir-busy"};
        serve();
    }};
}

void busy_watch::stop() noexcept {
    if (!thread_.joinable()) return;
    ended_.store(1, std::memory_order_release);
    futex_wake(ended_, 1);
    thread_.join();
}

void busy_watch::abandon() noexcept { let_go_of_parents(thread_); }

void busy_watch::serve() {
    const std::int64_t limit_ns = std::chrono::nanoseconds{runtime_.settings().busy_limit}.count();
    const std::int64_t look_ns = limit_ns / looks_per_limit;
    std::vector<observation> seen(runtime_.worker_count());
    while (ended_.load(std::memory_order_acquire) == 0) {
        const std::int64_t next_look_ns = monotonic_ns() + look_ns;
        while (monotonic_ns() < next_look_ns && ended_.load(std::memory_order_acquire) == 0) {
            futex_wait(ended_, 0, next_look_ns); // may return early for no reason
        }
        for (std::size_t i = 0; i < seen.size(); ++i) {
            observation& last = seen[i];
            const bool was_within = last.held_ns < limit_ns;
            look_at(runtime_.worker_at(i), look_ns, last);
            if (was_within && last.held_ns >= limit_ns) { // once for each turn
                report_busy_worker(runtime_, i, last.turn, limit_ns);
            }
        }
    }
}

} // namespace coir::detail
