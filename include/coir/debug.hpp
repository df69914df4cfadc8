// SPDX-License-Identifier: MIT
#pragma once
// Owns the views into a running program: what every coroutine is doing.

#include <coir/detail/config.hpp>

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

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

/// Writes which coroutines are deadlocked while others go on, as `dump_tasks` does, and returns how
/// many: those that wait, without a limit of time, for each other, or for channels, locks and the
/// like that nobody else can reach; only a cancellation could end that. Writes nothing if there are
/// none. (When nothing at all can go on, the program ends with such a report by itself.)
///
/// None is named wrongly, where mutexes are unlocked by who locked them; but some are missed: those
/// whose channels and locks lie on the heap, in global variables, or where an old pointer to them
/// has been left. It goes by what the stacks and the callables of the coroutines hold.
///
/// From any thread and any coroutine. All threads of the process stand still meanwhile, some
/// milliseconds for each 10 MB of memory: system calls that a signal interrupts, such as poll(2) in
/// a thread of yours, return EINTR. Throws std::runtime_error where it cannot be told: a thread
/// that blocks SIGURG, a kernel that does not show a process its own memory, sanitizers.
///
///     if (coir::dump_deadlocked(std::cerr) != 0) alarm();
COIR_API std::size_t dump_deadlocked(std::ostream& out);

/// How often coroutines have waited, by what they waited for.
struct park_counts {
    std::uint64_t receive = 0;  ///< until a value came
    std::uint64_t send = 0;     ///< until there was room, or a receiver
    std::uint64_t select = 0;   ///< in a select, whatever it waited for
    std::uint64_t join = 0;     ///< of tasks, groups and wait_groups
    std::uint64_t sleep = 0;    ///< until a point in time
    std::uint64_t io = 0;       ///< for a file, socket, pipe
    std::uint64_t blocking = 0; ///< for a call in coir::blocking
    std::uint64_t lock = 0;     ///< mutex and shared_mutex
    std::uint64_t other = 0;    ///< the rest of coir/sync
};

/// What one worker has done.
struct worker_metrics {
    std::uint64_t switches = 0; ///< changes to another coroutine
    std::uint64_t steals = 0;   ///< how often it took work from another worker
    std::uint64_t parks = 0;    ///< waits that did not succeed at once
    std::size_t run_queue = 0;  ///< coroutines that wait for it now
};

/// Figures about all runtimes of the process. Those that count events only grow, also when runtimes
/// end; each is read at a moment of its own, so sums may be off by what happens meanwhile.
struct process_metrics {
    std::uint64_t coroutines_started = 0; ///< since the process began
    std::uint64_t coroutines_alive = 0;   ///< now
    /// No more than these were alive at a time: the stacks that were ever in use at once, with
    /// those that workers keep at hand.
    std::uint64_t coroutines_peak = 0;
    std::uint64_t switches = 0;
    std::uint64_t steals = 0;
    park_counts parks;
    std::uint64_t wakeups_sent = 0;   ///< of sleeping workers, each a system call
    std::uint64_t wakeups_spared = 0; ///< waits that ended without one
    std::size_t run_queue = 0;        ///< runnable now, those that all workers share included
    std::uint64_t io_submitted = 0;
    std::uint64_t io_completed = 0;
    std::uint64_t bytes_copied_in_kernel = 0; ///< by copy(), without a buffer of the program's
    std::size_t timers = 0;                   ///< pending now
    std::size_t stacks_mapped = 0;            ///< address space for so many
    std::size_t stacks_cached = 0;    ///< ready to be used again, outside the workers' own supplies
    std::size_t blocking_threads = 0; ///< those that look names up among them
    std::string io_backend;           ///< "io_uring" or "epoll", of the oldest runtime that lives
    std::string io_backend_reason;    ///< why not io_uring, if so
    std::vector<worker_metrics> workers; ///< of the runtimes that live, oldest first
};

/// Returns the counters that a service would export. Takes microseconds, and nothing from those who
/// are counted. Any thread, any coroutine.
[[nodiscard]] COIR_API process_metrics metrics();

/// A span of the user's in the timeline that COIR_TRACE=file.json records: from the constructor to
/// the destructor, on the track of the coroutine, through all its waits. Costs two calls that do
/// nothing unless tracing.
///
///     const coir::trace_span span("parse");
class COIR_API trace_span {
public:
    /// The text must outlive the span.
    explicit trace_span(std::string_view name) noexcept;
    trace_span(const trace_span&) = delete;
    trace_span& operator=(const trace_span&) = delete;
    ~trace_span();

private:
    std::string_view name_;
    std::uint64_t began_ticks_ = 0; ///< 0: not tracing
};

} // namespace coir
