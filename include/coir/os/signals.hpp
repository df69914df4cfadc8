// SPDX-License-Identifier: MIT
#pragma once
// Owns signals of the operating system as values of a channel.

#include <coir/chan.hpp>
#include <coir/detail/config.hpp>

#include <initializer_list>
#include <span>

namespace coir {

/// Receives the given signals, by their numbers, instead of what they would do to the process. Each
/// receiver gets every signal that arrives while it (or a copy) lives and is open, in whichever
/// thread, sent by `kill` or by `raise`; nothing is dropped, however slow the receiver. (The kernel
/// itself merges a signal that is sent again before the first was delivered.) When the last
/// receiver of a signal goes, its old disposition returns. From coroutines and threads, with any
/// number of runtimes or none. While one lives there is no deadlock.
///
/// Throws std::system_error (EINVAL) for SIGKILL and SIGSTOP, which cannot be received, and for the
/// signals of faults (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT), after which the
/// thread cannot go on. Neither SIGPIPE that coir's own threads cause nor SIGURG by which they are
/// asked for their stacks is among those received.
///
///     auto stop = coir::signals({SIGINT, SIGTERM});
///     coir::select(stop.on_recv([](auto) { ... }), ...);
[[nodiscard]] COIR_API receiver<int> signals(std::initializer_list<int> wanted);
[[nodiscard]] COIR_API receiver<int> signals(std::span<const int> wanted);

} // namespace coir
