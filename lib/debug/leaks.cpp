// SPDX-License-Identifier: MIT
// Owns the report of coroutines that were left at the end of a run and would have waited for ever.
//
// All that is left of a run is reported when, with the run's own thread waiting, the program would
// have been deadlocked: it waits for a peer (no timer, no I/O, no call under way, no select that is
// to wait for ever), and nobody else lives who could be that peer: no other run, no thread of the
// program. Where others live in coir, those are reported that nobody can reach (reachability.hpp).
// So there are no false reports; what a thread of the program might keep alive goes unreported: for
// this no such thread is disturbed.

#include "debug/aside.hpp"
#include "debug/census.hpp"
#include "debug/reachability.hpp"
#include "debug/task_report.hpp"
#include "sched/deadlock.hpp"
#include "sched/reports.hpp"
#include "sched/runtime_core.hpp"
#include "sched/unattended_pool.hpp"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <exception>

namespace coir::detail {
namespace {

// How long those that are about to end, or to wait, may take: long for a computer, short for its
// user. Where they get no processor, because others take them all, the pauses do not count.
constexpr int most_looks = 50;
constexpr int most_starved_looks = 2000;
constexpr std::int64_t pause_ns = 1'000'000;

struct leak_search {
    runtime_core& runtime;
    run_session& session;
    bool over = false;  ///< decided, either way
    bool alone = false; ///< as of the last look: no thread of the program but this one
    bool busy = false;  ///< as of the last look: something is yet to run
    std::vector<std::uint64_t> unreachable{};
};

bool waits_for_a_peer(const coroutine_record& record) {
    return record.doing == activity::waiting && !record.has_deadline &&
           is_ended_by_peers(record.kind);
}

// Whether some other run, or runtime, or thread could come to their help.
bool others_live(std::span<runtime_core* const> runtimes, const leak_search& search) {
    for (runtime_core* const one : runtimes) {
        if (one != &search.runtime && one->any_alive()) return true;
    }
    if (search.runtime.active_runs.load(std::memory_order_acquire) != 1) return true;
    if (search.runtime.own_session().alive() != 0 || unattended_calls_pending()) return true;
    // This thread is one of the program's, and for once not counted as waiting.
    return outside_threads_live(runtimes, 1);
}

void print(std::span<const coroutine_record> left, const char* awaited) {
    symbol_table symbols;
    std::fflush(stdout);
    std::fprintf(stderr,
                 "coir: leak: when run ended, %zu coroutines were left that only waited for %s\n\n"
                 "%s%s",
                 left.size(), awaited, describe(left, symbols).c_str(),
                 describe_cycles(left).c_str());
}

std::uint64_t switches_of(runtime_core& runtime) noexcept {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < runtime.worker_count(); ++i) sum += runtime.worker_at(i).switches();
    return sum;
}

void look(std::span<runtime_core* const> runtimes, void* argument) {
    auto& search = *static_cast<leak_search*>(argument);
    // Quiet before and after, and nobody ran in between: then the census saw all at one time, and
    // not each of those that wake each other, and end, while it still waited.
    const std::uint64_t switches = switches_of(search.runtime);
    const bool was_quiet = search.runtime.quiescent();
    std::vector<coroutine_record> left = take_census(runtimes);
    std::erase_if(left, [&](const auto& one) { return one.session != &search.session; });
    search.over = left.empty();
    search.alone = !outside_threads_live(runtimes, 1);
    search.busy =
        search.runtime.idle().sleeping() != search.runtime.worker_count() ||
        !std::ranges::all_of(left, [](const auto& one) { return one.doing == activity::waiting; });
    if (search.over || !std::ranges::all_of(left, waits_for_a_peer)) return;
    const bool is_quiet = was_quiet && search.runtime.quiescent(); // timers included
    if (!is_quiet || switches != switches_of(search.runtime)) return;
    // Looked at again, too: a thread of coir's own that has only just begun does not count itself
    // yet.
    if (others_live(runtimes, search)) return;
    search.over = true;
    print(left, "each other");
}

void report_unreachable(std::span<runtime_core* const> runtimes, void* argument) {
    auto& search = *static_cast<leak_search*>(argument);
    std::vector<coroutine_record> left = take_census(runtimes);
    std::erase_if(left, [&](const auto& one) {
        return one.session != &search.session || one.doing != activity::waiting ||
               !std::ranges::binary_search(search.unreachable, one.id);
    });
    if (!left.empty()) print(left, "what nobody could reach");
}

// On a thread of its own: our own stack is a part of what is looked through.
void look_for_unreachable(leak_search& search) {
    const void* const here = __builtin_frame_address(0);
    on_own_thread("coir-leaks", [&] {
        search.unreachable = find_unreachable(here).ids;
        if (!search.unreachable.empty()) with_runtimes(report_unreachable, &search);
    });
}

/// The clock of the processor time of a thread, as the kernel encodes it (posix-timers_types.h).
clockid_t cpu_clock_of(pid_t thread) noexcept { return static_cast<clockid_t>(~thread * 8 + 6); }

/// What the workers have had of the processors.
std::int64_t worker_cpu_ns(runtime_core& runtime) noexcept {
    std::int64_t sum_ns = 0;
    for (std::size_t i = 0; i < runtime.worker_count(); ++i) {
        timespec now{};
        ::clock_gettime(cpu_clock_of(runtime.worker_at(i).thread()), &now);
        sum_ns += now.tv_sec * 1'000'000'000 + now.tv_nsec;
    }
    return sum_ns;
}

} // namespace

void report_leaks(runtime_core& runtime, run_session& session) noexcept {
    leak_search search{runtime, session};
    int looks = 0;
    int starved = 0;
    while (looks < most_looks && starved < most_starved_looks && session.alive() != 0) {
        with_runtimes(look, &search);
        if (search.over) return;
        const std::int64_t before_ns = worker_cpu_ns(runtime);
        const timespec pause{0, pause_ns};
        ::nanosleep(&pause, nullptr);
        const bool nothing_ran = worker_cpu_ns(runtime) - before_ns < pause_ns / 10;
        ++(search.busy && nothing_ran ? starved : looks);
    }
    if (session.alive() == 0 || !search.alone) return;
    try {
        look_for_unreachable(search);
    } catch (const std::exception&) {} // no thread, no memory: then no report
}

} // namespace coir::detail
