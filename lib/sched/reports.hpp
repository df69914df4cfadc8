// SPDX-License-Identifier: MIT
#pragma once
// Owns what the engine asks of the debug layer, which lies above it and knows of stacks and
// symbols.
//
// The functions are declared here and defined there (lib/debug); so the engine needs no pointers
// that somebody would have to set, and a static library brings the reports along.

#include <cstddef>
#include <cstdint>
#include <span>

namespace coir::detail {

class call_stack;
class runtime_core;
struct coroutine;
struct held_lock;
struct run_session;

/// Prints every coroutine on standard error. With the runtimes held (deadlock.hpp); on a thread's
/// own stack, as all of these.
void print_stuck_coroutines(std::span<runtime_core* const> runtimes) noexcept;

/// At the end of a run, before its coroutines are cancelled: waits briefly until those that are
/// left have ended or wait, and reports them if they could only wait for each other.
void report_leaks(runtime_core& runtime, run_session& session) noexcept;

/// Reports what the worker of that index runs, which it has done for `held_ns` without a switch.
void report_busy_worker(runtime_core& runtime, std::size_t index, std::uint64_t turn,
                        std::int64_t held_ns) noexcept;

/// The calling coroutine is about to park, or to yield, `here`, and holds that lock.
void report_held_lock(const coroutine& self, bool is_parking, const held_lock& lock,
                      const call_stack& here) noexcept;
/// That lock is unlocked `here` by another coroutine or thread than locked it; `self` is null for a
/// thread.
void report_foreign_unlock(const coroutine* self, const held_lock& lock,
                           const call_stack& here) noexcept;

/// From the first begin to the last end, SIGQUIT dumps all coroutines to standard error. Throws
/// std::system_error.
void begin_quit_dumps();
void end_quit_dumps() noexcept;

/// Opens what COIR_TRACE names, once for the process, and has switches watched for it; returns 0 or
/// errno.
[[nodiscard]] int open_trace_file(const char* path) noexcept;
/// Writes what a runtime has recorded, whose workers have come to rest.
void write_trace(runtime_core& runtime) noexcept;

/// Adds what a runtime that ends has counted to what metrics() returns.
void keep_counts(runtime_core& runtime) noexcept;

} // namespace coir::detail
