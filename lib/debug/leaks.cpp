// SPDX-License-Identifier: MIT
// Owns the report of coroutines that were left at the end of a run and would have waited for ever.
//
// A leak is reported when, with the run's own thread waiting, the program would have been
// deadlocked: all that is left of the run waits for a peer (no timer, no I/O, no call under way),
// and nobody else lives who could be that peer: no other run, no thread of the program. So there
// are no false reports; what another thread keeps alive goes unreported.

#include "debug/census.hpp"
#include "debug/task_report.hpp"
#include "sched/deadlock.hpp"
#include "sched/reports.hpp"
#include "sched/runtime_core.hpp"

#include <algorithm>
#include <cstdio>
#include <ctime>

namespace coir::detail {
namespace {

// How long those that are about to end may take: long for a computer, short for its user.
constexpr int most_looks = 50;
constexpr std::int64_t pause_ns = 1'000'000;

struct leak_search {
    runtime_core& runtime;
    run_session& session;
    bool over = false; ///< decided, either way
};

bool waits_for_a_peer(const coroutine_record& record) {
    if (record.doing != activity::waiting || record.has_deadline) return false;
    switch (record.kind) {
    case wait_kind::io:
    case wait_kind::close:
    case wait_kind::sleep:
    case wait_kind::blocking: return false;
    default: return true;
    }
}

// Whether some other run, or runtime, or thread could come to their help.
bool others_live(std::span<runtime_core* const> runtimes, const leak_search& search) {
    for (runtime_core* const one : runtimes) {
        if (one != &search.runtime && one->any_alive()) return true;
    }
    if (search.runtime.active_runs.load(std::memory_order_acquire) != 1) return true;
    if (search.runtime.own_session().alive() != 0) return true;
    // This thread is one of the program's, and for once not counted as waiting.
    return outside_threads_live(runtimes, 1);
}

void look(std::span<runtime_core* const> runtimes, void* argument) {
    auto& search = *static_cast<leak_search*>(argument);
    std::vector<coroutine_record> left = take_census(runtimes);
    std::erase_if(left, [&](const auto& one) { return one.session != &search.session; });
    search.over = left.empty();
    if (search.over || !std::ranges::all_of(left, waits_for_a_peer)) return;
    // Nobody may have moved since before the census: the runtime is quiet, timers included.
    if (!search.runtime.quiescent()) return;
    // Looked at again, too: a thread of coir's own that has only just begun does not count itself
    // yet.
    if (others_live(runtimes, search)) return;
    search.over = true;
    symbol_table symbols;
    std::fflush(stdout);
    std::fprintf(stderr,
                 "coir: leak: when run ended, %zu coroutines were left that only waited for each "
                 "other\n\n%s%s",
                 left.size(), describe(left, symbols).c_str(), describe_cycles(left).c_str());
}

} // namespace

void report_leaks(runtime_core& runtime, run_session& session) noexcept {
    leak_search search{runtime, session};
    for (int i = 0; i < most_looks && session.alive() != 0; ++i) {
        with_runtimes(look, &search);
        if (search.over) return;
        const timespec pause{0, pause_ns};
        ::nanosleep(&pause, nullptr);
    }
}

} // namespace coir::detail
