// SPDX-License-Identifier: MIT
// Owns the reports: the dump on request, and that of a deadlock.

#include "debug/aside.hpp"
#include "debug/reachability.hpp"
#include "debug/task_report.hpp"
#include "sched/deadlock.hpp"
#include "sched/reports.hpp"
#include "sched/runtime_core.hpp"

#include <coir/debug.hpp>

#include <algorithm>
#include <cstdio>
#include <ostream>
#include <stdexcept>
#include <string>

namespace coir {
namespace detail {
namespace {

std::string summary(std::span<const coroutine_record> records, std::size_t runtimes) {
    const auto count = [&](activity doing) {
        return std::to_string(
            std::ranges::count_if(records, [&](const auto& one) { return one.doing == doing; }));
    };
    return "coir: " + std::to_string(records.size()) + " coroutines in " +
           std::to_string(runtimes) + (runtimes == 1 ? " runtime: " : " runtimes: ") +
           count(activity::waiting) + " waiting, " + count(activity::running) + " running, " +
           count(activity::runnable) + " runnable, " + count(activity::fresh) + " not begun\n\n";
}

void dump_into(std::span<runtime_core* const> runtimes, void* text) {
    const std::vector<coroutine_record> records = take_census(runtimes);
    symbol_table symbols;
    *static_cast<std::string*>(text) =
        summary(records, runtimes.size()) + describe(records, symbols) + describe_cycles(records);
}

struct deadlocked_text {
    std::span<const std::uint64_t> ids;
    std::size_t count = 0;
    std::string text;
};

void describe_deadlocked(std::span<runtime_core* const> runtimes, void* argument) {
    auto& wanted = *static_cast<deadlocked_text*>(argument);
    std::vector<coroutine_record> records = take_census(runtimes);
    // A cancellation may have come meanwhile.
    std::erase_if(records, [&](const coroutine_record& one) {
        return one.doing != activity::waiting || !std::ranges::binary_search(wanted.ids, one.id);
    });
    wanted.count = records.size();
    if (records.empty()) return;
    symbol_table symbols;
    wanted.text = "coir: partial deadlock: " + std::to_string(records.size()) +
                  " coroutines wait for what nobody else can reach\n\n" +
                  describe(records, symbols) + describe_cycles(records);
}

[[noreturn]] void refuse_to_tell(search_result reason) {
    throw std::runtime_error{
        reason == search_result::threads_go_on
            ? "coir::dump_deadlocked: a thread does not halt; does it block SIGURG?"
            : "coir::dump_deadlocked: the memory cannot be looked through"};
}

} // namespace

void print_stuck_coroutines(std::span<runtime_core* const> runtimes) noexcept {
    std::fflush(stdout);
    const std::vector<coroutine_record> records = take_census(runtimes);
    symbol_table symbols;
    const std::string text = describe(records, symbols) + describe_cycles(records);
    std::fprintf(stderr,
                 "coir: deadlock: every coroutine waits and nothing can wake one\n\n"
                 "%scoir: %zu coroutines are parked\n",
                 text.c_str(), records.size());
}

} // namespace detail

void dump_tasks(std::ostream& out) {
    std::string text;
    detail::on_own_thread("coir-dump", [&] { detail::with_runtimes(detail::dump_into, &text); });
    out << text << std::flush;
}

std::size_t dump_deadlocked(std::ostream& out) {
    detail::deadlocked_text wanted;
    const void* const asker = __builtin_frame_address(0);
    detail::on_own_thread("coir-dump", [&] {
        const detail::unreachable_coroutines found = detail::find_unreachable(asker);
        if (found.result != detail::search_result::done) detail::refuse_to_tell(found.result);
        wanted.ids = found.ids;
        if (!found.ids.empty()) detail::with_runtimes(detail::describe_deadlocked, &wanted);
    });
    out << wanted.text << std::flush;
    return wanted.count;
}

} // namespace coir

// gdb finds the script here and loads it: 4 means the text of a Python script, preceded by a name.
asm(R"(
    .pushsection ".debug_gdb_scripts", "MS", %progbits, 1
    .byte 4
    .ascii "coir-gdb.py\n"
    .incbin ")" COIR_GDB_SCRIPT R"("
    .byte 0
    .popsection
)");
