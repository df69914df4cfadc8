// SPDX-License-Identifier: MIT
#pragma once
// Owns the look at all coroutines of the process: what each is doing, on what stack.

#include "debug/stack_copy.hpp"
#include "debug/veiled_memory.hpp"
#include "sched/coroutine.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace coir::detail {

enum class activity : std::uint8_t {
    fresh,    ///< started, but has not run yet
    runnable, ///< waits for a worker
    running,
    waiting,
};

struct coroutine_record {
    std::uint64_t id = 0;
    std::string name;
    const runtime_core* runtime = nullptr;
    const run_session* session = nullptr;
    activity doing = activity::runnable;
    std::size_t worker = 0; ///< of a running one
    wait_kind kind = wait_kind::none;
    veiled_address object;
    std::string waits_on; ///< "channel receive 0x... (rendezvous)"
    std::int64_t waits_ns = 0;
    bool has_deadline = false;
    /// The one other coroutine that could end the wait, where there is just one: the holder of a
    /// mutex, the one that is joined.
    std::uint64_t blocked_by = 0;
    veiled_address locked_at; ///< of a mutex: where its holder's stack was
    std::uint64_t start_site = 0;
    std::vector<std::uint64_t> frames; ///< as from unwinder::walk
    veiled_address stack_low;          ///< its live part
    std::uint64_t stack_high = 0;
};

/// Looks at every coroutine that has not ended, in the order of their ids. Each is seen at one
/// moment of its own; they go on meanwhile. Not on a coroutine's stack, which may be too small.
[[nodiscard]] std::vector<coroutine_record> take_census(std::span<runtime_core* const> runtimes);

} // namespace coir::detail
