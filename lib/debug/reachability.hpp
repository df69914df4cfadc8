// SPDX-License-Identifier: MIT
#pragma once
// Owns the search for coroutines that nothing alive can wake.
//
// As a garbage collector tells what memory is in use: a waiting coroutine can be woken if what it
// waits for can be reached from the program's memory, from threads, and from coroutines that run or
// can be woken themselves. What cannot be reached nobody can use (Saioc et al., "Dynamic partial
// deadlock detection and recovery via garbage collection", 2025, for Go).
//
// C++ knows no types at run time, so every word that looks like a pointer counts as one, in all
// writable memory: an old pointer somewhere makes us miss a deadlock, none makes us see one (only
// those in disguise could: packed, or mixed with other bits at the top). Missed
// are therefore those too whose channels lie in objects on the heap, of which we cannot tell
// whether somebody uses them: what is found are handles on the stacks and in the callables of the
// coroutines.
// A task's handle does not count: it can only cancel. Who waits for a mutex waits for its holder.

#include <cstdint>
#include <vector>

namespace coir::detail {

enum class search_result : std::uint8_t {
    done,
    threads_go_on, ///< one of them does not halt
    memory_unseen, ///< the kernel does not show it, or there is too much
};

struct unreachable_coroutines {
    search_result result = search_result::done;
    std::vector<std::uint64_t> ids;
};

/// Halts every other thread of the process meanwhile, for some milliseconds for each 10 MB. On a
/// thread's own stack; not under a lock that a worker takes. `asker`: the frame, on another stack,
/// that waits for the answer; what lies below it on that stack is ours. Throws std::bad_alloc.
[[nodiscard]] unreachable_coroutines find_unreachable(const void* asker);

} // namespace coir::detail
