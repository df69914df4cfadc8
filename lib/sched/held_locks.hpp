// SPDX-License-Identifier: MIT
#pragma once
// Owns who holds which checked mutex (coir::checked), and the look at it whenever a coroutine
// leaves its worker. All of it only where COIR_CHECK=locks asks for it.
//
// One table for the process behind one std::mutex: the check is for debugging, and a coroutine that
// leaves takes the lock only while some checked mutex is held somewhere.

#include "sched/trace.hpp"

#include <sys/types.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

namespace coir::detail {

/// The innermost functions of the caller, as unwinder::walk gives them.
class call_stack {
public:
    /// Of whoever calls it. On a coroutine's stack ends with the coroutine.
    [[nodiscard]] static call_stack here() noexcept;

    [[nodiscard]] std::span<const std::uint64_t> frames() const noexcept {
        return {frames_.data(), count_};
    }
    void add(std::uint64_t frame) noexcept { frames_[count_++] = frame; }
    [[nodiscard]] bool is_full() const noexcept { return count_ == frames_.size(); }

private:
    std::array<std::uint64_t, 32> frames_{};
    std::size_t count_ = 0;
};

struct held_lock {
    const void* mutex = nullptr;
    std::uint64_t coroutine = 0; ///< the id of the one that locked it; 0: a thread
    pid_t thread = 0;            ///< on which it was locked
    bool is_shared = false;
    call_stack locked_in;
};

/// From now on; never off again, as some locks would be seen and others not.
void check_locks() noexcept;

void add_held_lock(const void* mutex, bool is_shared) noexcept;
void remove_held_lock(const void* mutex, bool is_shared) noexcept;

} // namespace coir::detail
