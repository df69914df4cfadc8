// SPDX-License-Identifier: MIT
#pragma once
// Owns the views into a running program: what every coroutine is doing.

#include <coir/detail/config.hpp>

#include <iosfwd>

namespace coir {

/// Writes what every coroutine of every runtime is doing: its id, name and state, what it waits on
/// and for how long, its stack with functions, files and lines, and where it was started.
/// Coroutines that do the same in the same place share one paragraph.
///
/// From any thread and any coroutine; the others go on meanwhile, and a worker that hangs does not
/// hinder it. Blocks the calling thread for some milliseconds, longer where there is much debug
/// information. Lines need libdw (Debian: libdw1) and debug information; without them there are
/// symbol names and offsets. Throws std::system_error when no thread can be had.
///
///     coir::dump_tasks(std::cerr);
COIR_API void dump_tasks(std::ostream& out);

} // namespace coir
