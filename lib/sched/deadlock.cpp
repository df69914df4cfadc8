// SPDX-License-Identifier: MIT
#include "sched/deadlock.hpp"

#include "base/own_thread.hpp"
#include "sched/reports.hpp"
#include "sched/runtime_core.hpp"
#include "sched/timer_thread.hpp"
#include "sched/unattended_pool.hpp"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <string>
#include <vector>

namespace coir::detail {
namespace {

struct registry {
    std::mutex lock;
    std::vector<runtime_core*> runtimes;
};

registry& known_runtimes() {
    static auto* const kept = new registry; // threads may outlive static destructors
    return *kept;
}

// io_uring's workers are listed as threads of the process; the kernel names them.
bool is_kernel_worker(const std::string& thread) {
    std::string name;
    std::ifstream{"/proc/self/task/" + thread + "/comm"} >> name;
    return name.starts_with("iou-");
}

// Threads that are neither coir's nor the kernel's.
int count_foreign_threads() {
    DIR* const tasks = ::opendir("/proc/self/task");
    if (tasks == nullptr) return 1 << 20; // cannot tell: then there is no deadlock
    int count = 0;
    while (const dirent* const entry = ::readdir(tasks)) {
        const pid_t thread = std::atoi(entry->d_name); // 0 for "." and ".."
        if (thread != 0 && !is_own_thread(thread) && !is_kernel_worker(entry->d_name)) ++count;
    }
    ::closedir(tasks);
#if COIR_TSAN
    --count; // the tool's own
#endif
    return count;
}

// Threads that wait in coir for ever: in an operation, or for the end of a run.
int count_waiting_threads(std::span<runtime_core* const> runtimes) {
    int count = parked_threads.load(std::memory_order_seq_cst);
    for (runtime_core* const one : runtimes) count += one->awaited_sessions();
    return count;
}

bool all_quiet(const registry& all) noexcept {
    if (timer_thread::instance().has_pending() || unattended_calls_pending()) return false;
    if (outside_wakers.load(std::memory_order_seq_cst) != 0) return false;
    return std::ranges::all_of(all.runtimes, [](runtime_core* one) {
        return one->active_runs.load(std::memory_order_acquire) > 0 && one->quiescent();
    });
}

// Without a coroutine there is nothing to be stuck: a thread in `run` is about to return.
bool some_alive(const registry& all) {
    return std::ranges::any_of(all.runtimes, [](runtime_core* one) { return one->any_alive(); });
}

} // namespace

void register_runtime(runtime_core& runtime) {
    const std::lock_guard guard{known_runtimes().lock};
    known_runtimes().runtimes.push_back(&runtime);
}

void unregister_runtime(runtime_core& runtime) noexcept {
    const std::lock_guard guard{known_runtimes().lock};
    std::erase(known_runtimes().runtimes, &runtime);
}

void with_runtimes(void (*visit)(std::span<runtime_core* const>, void*), void* argument) {
    const std::lock_guard guard{known_runtimes().lock};
    visit(known_runtimes().runtimes, argument);
}

bool outside_threads_live(std::span<runtime_core* const> runtimes, int known) {
    return count_foreign_threads() > known + count_waiting_threads(runtimes);
}

deadlock_verdict report_deadlock() noexcept {
    registry& all = known_runtimes();
    const std::unique_lock guard{all.lock, std::try_to_lock};
    if (!guard.owns_lock() || !some_alive(all) || !all_quiet(all)) {
        return deadlock_verdict::alive;
    }
    // Between the two looks nothing may have moved: a thread may have woken another one, or a
    // coroutine, just before it parked or ended.
    const std::uint64_t wakes = thread_wakes.load(std::memory_order_seq_cst);
    const int waiting = count_waiting_threads(all.runtimes);
    const bool others_live = count_foreign_threads() > waiting;
    if (others_live || waiting != count_waiting_threads(all.runtimes) ||
        wakes != thread_wakes.load(std::memory_order_seq_cst) || !all_quiet(all)) {
        return deadlock_verdict::alive;
    }
    print_stuck_coroutines(all.runtimes);
    const deadlock_action action = all.runtimes.front()->settings().on_deadlock;
    if (has_trace() && action != deadlock_action::report) {
        for (runtime_core* const one : all.runtimes) write_trace(*one);
    }
    switch (action) {
    case deadlock_action::abort: std::abort();
    case deadlock_action::exit: std::fflush(nullptr); ::_exit(2);
    default: return deadlock_verdict::reported;
    }
}

} // namespace coir::detail
