// SPDX-License-Identifier: MIT
// Owns the file that COIR_TRACE names: the Trace Event Format, as a JSON array, which Perfetto and
// chrome://tracing open. It is a whole document after each runtime's end.

#include "base/internal_descriptor.hpp"
#include "debug/trace_document.hpp"
#include "debug/trace_writer.hpp"
#include "sched/reports.hpp"
#include "sched/runtime_core.hpp"
#include "sched/trace.hpp"

#include <coir/debug.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <mutex>

namespace coir {
namespace detail {
namespace {

struct trace_file {
    std::mutex lock;
    trace_document document;
    int runtimes = 0;
};

trace_file& output() {
    static auto* const kept = new trace_file; // runtimes may outlive static destructors
    return *kept;
}

} // namespace

int open_trace_file(const char* path) noexcept {
    trace_file& out = output();
    const std::lock_guard guard{out.lock};
    if (out.document.is_started()) return 0;
    const int fd =
        above_standard_streams(::open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
    if (fd < 0) return errno;
    std::FILE* const file = ::fdopen(fd, "w");
    if (file == nullptr) {
        const int error = errno;
        ::close(fd);
        return error;
    }
    out.document.start(file);
    // relaxed: the workers see it by their start.
    trace_is_open.store(true, std::memory_order_relaxed);
    switch_watchers.fetch_or(watched_for_trace, std::memory_order_relaxed);
    return 0;
}

void write_trace(runtime_core& runtime) noexcept {
    if (runtime.worker_at(0).trace() == nullptr) return; // a simulation's
    trace_file& out = output();
    const std::lock_guard guard{out.lock};
    out.document.reopen();
    write_trace_events(out.document, out.runtimes, runtime);
    if (!out.document.close()) {
        std::fprintf(stderr, "coir: COIR_TRACE: %s\n", std::strerror(errno));
    }
    ++out.runtimes;
}

} // namespace detail

trace_span::trace_span(std::string_view name) noexcept
    : name_{name}, began_ticks_{detail::has_trace() ? detail::trace_ticks() : 0} {}

trace_span::~trace_span() {
    // A forked child has none, and no part of its parent's locks.
    if (began_ticks_ != 0 && detail::has_trace()) detail::trace_span_end(name_, began_ticks_);
}

} // namespace coir
