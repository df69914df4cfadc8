// SPDX-License-Identifier: MIT
#pragma once
// Owns the decision that a program can never go on, and the report of it.
//
// All is lost when every runtime of the process is quiescent, is inside `run`, and every thread
// that coir did not start is itself parked in a coir operation without a deadline. Threads are
// counted in /proc/self/task, without coir's own (own_thread.hpp).

#include <atomic>
#include <cstdint>
#include <span>

namespace coir::detail {

class runtime_core;

void register_runtime(runtime_core& runtime);
void unregister_runtime(runtime_core& runtime) noexcept;

enum class deadlock_verdict : std::uint8_t {
    alive,    ///< something may still happen
    reported, ///< it was reported and the process is to go on waiting
};

/// Calls `visit` with the live runtimes, none of which ends meanwhile.
void with_runtimes(void (*visit)(std::span<runtime_core* const>, void*), void* argument);

/// Whether threads live that coir did not start and that are not themselves parked in coir for
/// ever, `known` ones apart. With the runtimes held.
[[nodiscard]] bool outside_threads_live(std::span<runtime_core* const> runtimes, int known);

/// Looks, and acts as the runtime's settings say: may not return.
deadlock_verdict report_deadlock() noexcept;

/// Threads that coir did not start and that wait in a coir operation without a deadline.
inline std::atomic<int> parked_threads{0};
/// Receivers of signals: what may wake a coroutine any time, and is no thread.
inline std::atomic<int> outside_wakers{0};
/// How often a parked thread was woken.
inline std::atomic<std::uint64_t> thread_wakes{0};

} // namespace coir::detail
