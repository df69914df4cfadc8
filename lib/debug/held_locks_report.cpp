// SPDX-License-Identifier: MIT
// Owns the reports of checked mutexes that are held where they must not be.

#include "debug/aside.hpp"
#include "debug/task_report.hpp"
#include "debug/wait_description.hpp"
#include "sched/held_locks.hpp"
#include "sched/reports.hpp"

#include <coir/detail/deadline.hpp>

#include <array>
#include <cstdio>
#include <exception>
#include <string>

namespace coir::detail {
namespace {

std::string mutex_text(const held_lock& lock) {
    std::array<char, 32> text;
    std::snprintf(text.data(), text.size(), "mutex %p", lock.mutex);
    return text.data();
}

coroutine_record record_of(const coroutine& co) {
    coroutine_record record;
    record.id = co.id;
    record.name = co.name;
    return record;
}

std::string places_text(const held_lock& lock, const call_stack& here) {
    symbol_table symbols;
    return describe_stack(here.frames(), symbols) + "  it was locked\n" +
           describe_stack(lock.locked_in.frames(), symbols) + "\n";
}

// The caller waits for it, so that all the report looks at stays as it is, and the report is there
// before the harm is done; even though a caller that parks holds spin locks of ours. Once for each
// place, and in a program that is being debugged, that may take its milliseconds.
template <typename Text> void print_aside(Text text) noexcept {
    try {
        on_own_thread("coir-locks", [&] {
            const std::string whole = text();
            std::fflush(stdout);
            std::fputs(whole.c_str(), stderr);
        });
    } catch (const std::exception& error) {
        std::fprintf(stderr, "coir: a checked mutex is misused; no report: %s\n", error.what());
    }
}

} // namespace

void report_held_lock(const coroutine& self, bool is_parking, const held_lock& lock,
                      const call_stack& here) noexcept {
    print_aside([&] {
        coroutine_record record = record_of(self);
        record.kind = self.kind.load(std::memory_order_relaxed);
        record.object = veiled_address{self.object.load(std::memory_order_relaxed)};
        describe_wait({}, never_ns, record); // it stands still: nothing needs a copy
        return "coir: " + name_of_coroutine(record) +
               (is_parking ? " waits on " + record.waits_on : " lets others run") +
               " while it holds " + mutex_text(lock) +
               ", which blocks threads: unlock it first, or use coir::mutex\n" +
               places_text(lock, here);
    });
}

void report_foreign_unlock(const coroutine* self, const held_lock& lock,
                           const call_stack& here) noexcept {
    print_aside([&] {
        const std::string who =
            self != nullptr ? name_of_coroutine(record_of(*self)) : "a thread of the program";
        const std::string holder = lock.coroutine != 0
                                       ? "coroutine " + std::to_string(lock.coroutine)
                                       : std::string{"a thread of the program"};
        const bool has_moved = self != nullptr && self->id == lock.coroutine;
        return "coir: " + who + " unlocks " + mutex_text(lock) +
               (has_moved ? " on another thread than it has locked it on"
                          : ", which " + holder + " has locked") +
               "\n" + places_text(lock, here);
    });
}

} // namespace coir::detail
