// SPDX-License-Identifier: MIT
// Owns the reports: the dump on request, and that of a deadlock.

#include "base/own_thread.hpp"
#include "debug/task_report.hpp"
#include "sched/deadlock.hpp"
#include "sched/reports.hpp"
#include "sched/runtime_core.hpp"
#include "sched/signal_mask.hpp"

#include <coir/debug.hpp>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <ostream>
#include <string>
#include <thread>

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

// On a thread of its own: a coroutine's stack may be too small for what reads debug information.
std::string dump_on_own_thread() {
    std::string text;
    std::exception_ptr failure;
    {
        const worker_signal_mask mask;
        std::thread helper{[&] {
            const own_thread registered{"coir-dump"};
            try {
                with_runtimes(dump_into, &text);
            } catch (...) {
                failure = std::current_exception();
            }
        }};
        helper.join();
    }
    if (failure != nullptr) std::rethrow_exception(failure);
    return text;
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

void dump_tasks(std::ostream& out) { out << detail::dump_on_own_thread() << std::flush; }

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
