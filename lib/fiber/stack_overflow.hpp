// SPDX-License-Identifier: MIT
#pragma once
// Owns what happens when a coroutine runs off its stack: one clear line, then the default action.
//
// The fault is recognised by its address: it lies in the guard of one of the depot's slots. A
// frame larger than the guard (16 KiB) may step over it; code with such frames should be compiled
// with -fstack-clash-protection, which touches every page on the way down.

#include "fiber/stack.hpp"

#include <cstddef>
#include <string_view>

namespace coir::detail {

struct overflow_description {
    std::string_view name;
    std::size_t usable_bytes = 0;
};

/// Tells who runs on the slot with this top. Called in a signal handler, on its alternate stack:
/// must be async-signal-safe, and must bear a slot whose owner's record was never written.
using overflow_describer = overflow_description (*)(std::byte* slot_top) noexcept;

/// Sets the process's describer; null describes a stack by its size alone.
void set_overflow_describer(overflow_describer describer) noexcept;

/// While it lives, the thread that made it reports overruns of the coroutines it runs: it has an
/// alternate signal stack, and the process has the handler. Other faults go to the handler that
/// was installed before.
class overflow_guard_thread {
public:
    overflow_guard_thread() noexcept;
    overflow_guard_thread(const overflow_guard_thread&) = delete;
    overflow_guard_thread& operator=(const overflow_guard_thread&) = delete;
    ~overflow_guard_thread();

private:
    void* alternate_stack_ = nullptr; // null: the thread already had one of its own
};

} // namespace coir::detail
