// SPDX-License-Identifier: MIT
#pragma once
// Owns a moment in which only the calling thread runs, so that memory can be looked at as a whole.

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>

namespace coir::detail {

/// A thread that has been halted: its registers lie in its signal frame, at or above handler_sp.
struct halted_thread {
    pid_t id = 0;
    std::uint64_t sp = 0; ///< of the code that was interrupted
    std::uint64_t handler_sp = 0;
    std::uint64_t handler_stack = 0; ///< the lowest address of its alternate stack; 0: none
    std::uint64_t handler_stack_end = 0;
};

/// While it lives, every other thread of the process is halted in a signal handler, coir's own and
/// the program's. What they hold, locks of malloc for one, they hold meanwhile: the caller
/// allocates nothing and takes no lock. System calls that a signal interrupts, poll(2) say, return
/// EINTR.
class stopped_world {
public:
    /// Halts them: in less than a millisecond, or when each has had its turn of a processor. Gives
    /// up after half a second where one blocks the signal, else after five.
    stopped_world() noexcept;
    stopped_world(const stopped_world&) = delete;
    stopped_world& operator=(const stopped_world&) = delete;
    ~stopped_world();

    /// False: nothing may be concluded, because of the thread `obstinate()`, which blocks the
    /// signal or does not come out of a system call; 0: because signals cannot be had.
    [[nodiscard]] bool complete() const noexcept { return complete_; }
    [[nodiscard]] pid_t obstinate() const noexcept { return obstinate_; }
    [[nodiscard]] std::span<const halted_thread> threads() const noexcept;

private:
    bool halt_all() noexcept;
    bool ask_all() noexcept;

    std::unique_lock<std::mutex> turn_;
    std::size_t asked_ = 0;
    bool complete_ = false;
    pid_t obstinate_ = 0;
};

/// For the signal handler: halts the calling thread if a stopped_world wants it to.
void answer_halt(const void* machine_state) noexcept;

} // namespace coir::detail
