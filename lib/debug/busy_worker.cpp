// SPDX-License-Identifier: MIT
// Owns the report of a coroutine that holds its worker too long.

#include "debug/aside.hpp"
#include "debug/task_report.hpp"
#include "debug/thread_stack.hpp"
#include "debug/unwind.hpp"
#include "debug/wait_description.hpp"
#include "sched/reports.hpp"
#include "sched/runtime_core.hpp"

#include <cstdio>

namespace coir::detail {

void report_busy_worker(runtime_core& runtime, std::size_t index, std::uint64_t turn,
                        std::int64_t held_ns) noexcept {
    if (reports_under_way.load(std::memory_order_relaxed) != 0) return; // our own doing
    const worker& here = runtime.worker_at(index);
    coroutine* const co = here.seen_running();
    if (co == nullptr || !try_pin(*co)) return;
    coroutine_record record;
    record.id = co->id;
    record.name = co->name;
    stack_copy copy;
    const bool seen =
        copy_running_stack(here.thread(), {co->memory().bottom, co->memory().top}, copy);
    unpin(*co);
    if (here.turn() != turn) return; // it let go just now: the stack may be another one's
    symbol_table symbols;
    const std::string stack =
        seen ? describe_stack(unwinder{}.walk(copy), symbols) : "  (its thread does not answer)\n";
    std::fprintf(stderr, "coir: %s has held worker %zu for more than %s\n%s\n",
                 name_of_coroutine(record).c_str(), index, seconds_text(held_ns).c_str(),
                 stack.c_str());
}

} // namespace coir::detail
