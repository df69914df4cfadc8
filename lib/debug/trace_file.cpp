// SPDX-License-Identifier: MIT
// Owns the file that COIR_TRACE names: the Trace Event Format, as a JSON array, which Perfetto and
// chrome://tracing open.
//
// For each runtime there are two groups of tracks. "workers": what ran on each worker, arrows from
// who woke to who was woken, steals and timers. "coroutines": what each waited for, and the user's
// spans. The file is a whole document after each runtime's end: the next one writes on before the
// closing bracket.

#include "base/internal_descriptor.hpp"
#include "debug/json_text.hpp"
#include "sched/reports.hpp"
#include "sched/runtime_core.hpp"
#include "sched/trace.hpp"
#include "timer/clock.hpp"

#include <coir/debug.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <string>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace coir {
namespace detail {
namespace {

struct trace_file {
    std::mutex lock;
    std::FILE* file = nullptr;
    bool has_events = false;
    int runtimes = 0;
    std::uint64_t begin_ticks = 0;
    std::int64_t begin_ns = 0;
};

trace_file& output() {
    static auto* const kept = new trace_file; // runtimes may outlive static destructors
    return *kept;
}

struct placed_record {
    const trace_record* record;
    const trace_buffer* buffer;
    std::size_t track; ///< the worker, or one more for threads that are none
    std::size_t nth;   ///< as collected: what happened in one tick stays in order
};

std::string flow_name(const trace_record& record) {
    return std::to_string(record.coroutine) + "." + std::to_string(record.flow);
}

/// Turns the records of one runtime into events.
class trace_writer {
public:
    trace_writer(trace_file& out, runtime_core& runtime)
        : out_{out}, workers_{runtime.worker_count()}, open_(workers_ + 1),
          worker_tracks_{out.runtimes * 2 + 1}, coroutine_tracks_{out.runtimes * 2 + 2} {
        const std::int64_t ns = monotonic_ns() - out.begin_ns;
        const std::uint64_t ticks = trace_ticks() - out.begin_ticks;
        us_per_tick_ = static_cast<double>(ns) * 1e-3 / static_cast<double>(ticks != 0 ? ticks : 1);
        for (std::size_t i = 0; i < workers_; ++i) {
            if (const trace_buffer* const own = runtime.worker_at(i).trace()) collect(*own, i);
        }
        const std::lock_guard guard{shared_trace().lock};
        collect(shared_trace(), workers_);
        std::ranges::sort(records_, [](const auto& a, const auto& b) {
            return std::tie(a.record->ticks, a.nth) < std::tie(b.record->ticks, b.nth);
        });
        write();
        shared_trace().clear();
    }

private:
    struct slice {
        std::uint64_t coroutine = 0; ///< 0: none is open
        std::uint64_t ticks = 0;
    };
    struct wait {
        std::uint64_t ticks;
        wait_kind kind;
    };

    void collect(const trace_buffer& buffer, std::size_t track) {
        const std::uint64_t end = buffer.count();
        const std::uint64_t begin = end - std::min<std::uint64_t>(end, trace_buffer::capacity);
        for (std::uint64_t i = begin; i < end; ++i) {
            const trace_record& one = buffer.at(i);
            records_.push_back({&one, &buffer, track, records_.size()});
            if (one.event == trace_event::began && one.text != 0) {
                names_.emplace(one.coroutine, buffer.text(one.text));
            }
        }
    }

    void write() {
        name_group(worker_tracks_, "workers");
        name_group(coroutine_tracks_, "coroutines");
        for (std::size_t i = 0; i < workers_; ++i) {
            name_track(worker_tracks_, i, "worker " + std::to_string(i));
        }
        name_track(worker_tracks_, workers_, "other threads");
        for (const placed_record& one : records_) write(one);
    }

    void write(const placed_record& at) {
        const trace_record& record = *at.record;
        switch (record.event) {
        case trace_event::began:
        case trace_event::resumed: return begin_slice(at);
        case trace_event::parked:
            waits_[record.coroutine] = {record.ticks, static_cast<wait_kind>(record.detail)};
            return end_slice(at, to_text(static_cast<wait_kind>(record.detail)));
        case trace_event::yielded: return end_slice(at, "yield");
        case trace_event::ended: return end_slice(at, "end");
        case trace_event::woke: return write_wake(at);
        case trace_event::stole:
            return instant(at, "steal", "\"coroutine\":" + std::to_string(record.coroutine));
        case trace_event::expired:
            if (record.other == 0) return;
            return instant(at, "timers", "\"count\":" + std::to_string(record.other));
        case trace_event::span: return write_span(at);
        }
    }

    void begin_slice(const placed_record& at) {
        const trace_record& record = *at.record;
        open_[at.track] = {record.coroutine, record.ticks};
        if (const auto ended = waits_.find(record.coroutine); ended != waits_.end()) {
            name_coroutine(record.coroutine);
            complete(coroutine_tracks_, record.coroutine, to_text(ended->second.kind), "wait",
                     ended->second.ticks, record.ticks);
            waits_.erase(ended);
        }
        if (sent_.erase(flow_name(record)) != 0) flow(at, "f", ",\"bp\":\"e\"");
    }

    void end_slice(const placed_record& at, const char* why) {
        slice& open = open_[at.track];
        if (open.coroutine == at.record->coroutine) {
            complete(worker_tracks_, at.track, label(open.coroutine), "run", open.ticks,
                     at.record->ticks, "\"left by\":" + json_text(why));
        }
        open = {};
    }

    void write_wake(const placed_record& at) {
        // An arrow begins at a slice: where nobody runs (the loop, another thread) it gets one.
        if (at.record->other == 0) {
            complete(worker_tracks_, at.track, "wake", "wake", at.record->ticks, end_of_wake(at));
        }
        sent_.insert(flow_name(*at.record));
        flow(at, "s", "");
    }

    /// 0.1 us later, or where the next slice of this track may begin: slices must not overlap.
    [[nodiscard]] std::uint64_t end_of_wake(const placed_record& at) const {
        const std::uint64_t end = at.record->ticks + static_cast<std::uint64_t>(0.1 / us_per_tick_);
        const placed_record* const last = records_.data() + records_.size();
        for (const placed_record* next = &at + 1; next != last && next->record->ticks < end;
             ++next) {
            if (next->track == at.track) return next->record->ticks;
        }
        return end;
    }

    void write_span(const placed_record& at) {
        const trace_record& record = *at.record;
        const std::string& name = at.buffer->text(record.text);
        if (record.coroutine == 0) {
            return complete(worker_tracks_, at.track, name, "user", record.other, record.ticks);
        }
        name_coroutine(record.coroutine);
        complete(coroutine_tracks_, record.coroutine, name, "user", record.other, record.ticks);
    }

    // --- The format -------------------------------------------------------------------------

    void complete(int group, std::uint64_t track, const std::string& name, const char* category,
                  std::uint64_t begin, std::uint64_t end, const std::string& arguments = {}) {
        const double length = time(end) - time(begin);
        event("\"ph\":\"X\",\"name\":" + json_text(name) + ",\"cat\":\"" + category + "\"" +
              place(group, track, begin) + ",\"dur\":" + json_number(length) +
              (arguments.empty() ? "" : ",\"args\":{" + arguments + "}"));
    }
    void instant(const placed_record& at, const char* name, const std::string& arguments) {
        event(std::string{"\"ph\":\"i\",\"s\":\"t\",\"name\":\""} + name + "\"" +
              place(worker_tracks_, at.track, at.record->ticks) + ",\"args\":{" + arguments + "}");
    }
    void flow(const placed_record& at, const char* phase, const char* more) {
        event(std::string{"\"ph\":\""} + phase + "\",\"name\":\"wake\",\"cat\":\"wake\",\"id\":\"" +
              flow_name(*at.record) + "\"" + more +
              place(worker_tracks_, at.track, at.record->ticks));
    }
    void name_group(int group, const std::string& name) {
        event("\"ph\":\"M\",\"name\":\"process_name\",\"pid\":" + std::to_string(group) +
              ",\"tid\":0,\"args\":{\"name\":" + json_text(name) + "}");
    }
    void name_track(int group, std::uint64_t track, const std::string& name) {
        event("\"ph\":\"M\",\"name\":\"thread_name\",\"pid\":" + std::to_string(group) +
              ",\"tid\":" + std::to_string(track) + ",\"args\":{\"name\":" + json_text(name) + "}");
    }
    void name_coroutine(std::uint64_t id) {
        if (named_.insert(id).second) name_track(coroutine_tracks_, id, label(id));
    }

    [[nodiscard]] std::string label(std::uint64_t id) const {
        const auto name = names_.find(id);
        const std::string number = std::to_string(id);
        return name == names_.end() ? "coroutine " + number : name->second + " (" + number + ")";
    }
    [[nodiscard]] double time(std::uint64_t ticks) const {
        return static_cast<double>(static_cast<std::int64_t>(ticks - out_.begin_ticks)) *
               us_per_tick_;
    }
    [[nodiscard]] std::string place(int group, std::uint64_t track, std::uint64_t ticks) const {
        return ",\"pid\":" + std::to_string(group) + ",\"tid\":" + std::to_string(track) +
               ",\"ts\":" + json_number(time(ticks));
    }
    void event(const std::string& text) {
        std::fprintf(out_.file, "%s{%s}", out_.has_events ? ",\n" : "\n", text.c_str());
        out_.has_events = true;
    }

    trace_file& out_;
    const std::size_t workers_;
    std::vector<slice> open_; ///< by track
    const int worker_tracks_;
    const int coroutine_tracks_;
    double us_per_tick_ = 1;
    std::vector<placed_record> records_;
    std::unordered_map<std::uint64_t, std::string> names_;
    std::unordered_map<std::uint64_t, wait> waits_; ///< by coroutine: those under way
    std::unordered_set<std::string> sent_;          ///< arrows that have begun
    std::unordered_set<std::uint64_t> named_;
};

constexpr const char* document_end = "\n]\n";
constexpr long document_end_bytes = 3;

} // namespace

int open_trace_file(const char* path) noexcept {
    trace_file& out = output();
    const std::lock_guard guard{out.lock};
    if (out.file != nullptr) return 0;
    const int fd =
        above_standard_streams(::open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
    if (fd < 0) return errno;
    out.file = ::fdopen(fd, "w");
    if (out.file == nullptr) {
        const int error = errno;
        ::close(fd);
        return error;
    }
    std::fprintf(out.file, "[%s", document_end);
    std::fflush(out.file);
    out.begin_ns = monotonic_ns();
    out.begin_ticks = trace_ticks();
    switch_watchers.fetch_or(watched_for_trace, std::memory_order_relaxed);
    return 0;
}

void write_trace(runtime_core& runtime) noexcept {
    trace_file& out = output();
    const std::lock_guard guard{out.lock};
    std::fseek(out.file, -document_end_bytes, SEEK_CUR);
    const trace_writer written{out, runtime};
    std::fputs(document_end, out.file);
    if (std::fflush(out.file) != 0) {
        std::fprintf(stderr, "coir: COIR_TRACE: %s\n", std::strerror(errno));
    }
    ++out.runtimes;
}

} // namespace detail

trace_span::trace_span(std::string_view name) noexcept
    : name_{name}, began_ticks_{detail::tracing() ? detail::trace_ticks() : 0} {}

trace_span::~trace_span() {
    if (began_ticks_ != 0) detail::trace_span_end(name_, began_ticks_);
}

} // namespace coir
