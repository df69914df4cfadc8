// SPDX-License-Identifier: MIT
// Owns what the records of one runtime become: events of the Trace Event Format.
//
// There are two groups of tracks. "workers": what ran on each worker, arrows from who woke to who
// was woken, steals and timers, and where recording paused. "coroutines": what each waited for, and
// the user's spans.
//
// A pause (sched/trace_pause.hpp) hides things. Nothing is drawn that was not seen: what runs is
// cut at a pause; a wait or an arrow goes across one only if both ends have the same number, and a
// wait whose end is missing ends where the pause begins.

#include "debug/trace_writer.hpp"

#include "debug/json_text.hpp"
#include "debug/trace_document.hpp"
#include "debug/trace_runs.hpp"
#include "sched/runtime_core.hpp"
#include "sched/trace.hpp"

#include <algorithm>
#include <mutex>
#include <string>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace coir::detail {
namespace {

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
    trace_writer(trace_document& out, int nth, runtime_core& runtime)
        : out_{out}, workers_{runtime.worker_count()}, runs_(workers_), worker_tracks_{nth * 2 + 1},
          coroutine_tracks_{nth * 2 + 2} {
        std::uint64_t since = UINT64_MAX;
        for (std::size_t i = 0; i < workers_; ++i) {
            const trace_buffer& own = *runtime.worker_at(i).trace();
            since = std::min(since, own.since_ticks());
            collect(own, i);
        }
        collect_gaps(since);
        const std::lock_guard guard{shared_trace().lock};
        collect(shared_trace(), workers_);
        std::ranges::sort(records_, [](const auto& a, const auto& b) {
            return std::tie(a.record->ticks, a.nth) < std::tie(b.record->ticks, b.nth);
        });
        write();
        shared_trace().clear();
    }

private:
    struct wait {
        std::uint64_t ticks;
        std::uint64_t number;
        wait_kind kind;
    };

    void collect(const trace_buffer& buffer, std::size_t track) {
        for (std::uint64_t i = buffer.oldest(); i < buffer.count(); ++i) {
            const trace_record& one = buffer.at(i);
            records_.push_back({&one, &buffer, track, records_.size()});
            if (one.event == trace_event::began && one.text != 0) {
                names_.emplace(one.coroutine, buffer.text(one.text));
            }
        }
    }

    void collect_gaps(std::uint64_t since) {
        trace_gaps known = collect_trace_gaps();
        recorded_since_ = known.since;
        gaps_ = std::move(known.all);
        std::erase_if(gaps_, [&](const trace_gap& one) { return one.end <= since; });
        if (!gaps_.empty()) gaps_.front().begin = std::max(gaps_.front().begin, since);
    }

    void write() {
        out_.name_group(worker_tracks_, "workers");
        out_.name_group(coroutine_tracks_, "coroutines");
        for (std::size_t i = 0; i < workers_; ++i) {
            out_.name_track(worker_tracks_, i, "worker " + std::to_string(i));
        }
        out_.name_track(worker_tracks_, workers_, "other threads");
        for (const placed_record& one : records_) {
            if (one.record->event == trace_event::span) {
                write_span(one);
                continue;
            }
            // What begins together with a gap would be drawn inside of it: times are rounded.
            pass_gaps(one.record->ticks + out_.ticks_of_us(0.002));
            if (one.record->ticks >= recorded_since_) write(one); // else by who saw a pause late
        }
        pass_gaps(UINT64_MAX);
        for (const auto& [coroutine, begun] : waits_) cut_wait(coroutine, begun);
    }

    void write(const placed_record& at) {
        const trace_record& record = *at.record;
        switch (record.event) {
        case trace_event::began:
        case trace_event::resumed: return resume(at);
        case trace_event::went_on: return begin_run(at);
        case trace_event::parked: return park(at);
        case trace_event::yielded: return end_run(at, "yield");
        case trace_event::ended: return end_run(at, "end");
        case trace_event::woke: return write_wake(at);
        case trace_event::stole:
            return instant(at, "steal", "\"coroutine\":" + std::to_string(record.coroutine));
        case trace_event::expired:
            if (record.other == 0) return;
            return instant(at, "timers", "\"count\":" + std::to_string(record.other));
        case trace_event::span: return;
        }
    }

    void park(const placed_record& at) {
        const trace_record& record = *at.record;
        const auto kind = static_cast<wait_kind>(record.detail);
        if (const auto before = waits_.find(record.coroutine); before != waits_.end()) {
            cut_wait(record.coroutine, before->second);
        }
        waits_.insert_or_assign(record.coroutine, wait{record.ticks, record.flow, kind});
        end_run(at, to_text(kind));
    }

    void resume(const placed_record& at) {
        const trace_record& record = *at.record;
        if (const auto found = waits_.find(record.coroutine); found != waits_.end()) {
            const wait ended = found->second;
            waits_.erase(found);
            if (record.flow == ended.number + 1) {
                draw_wait(record.coroutine, ended, record.ticks);
            } else {
                cut_wait(record.coroutine, ended);
            }
        }
        begin_run(at);
        const std::string arrow = flow_name(record);
        if (sent_.erase(arrow) != 0) {
            out_.arrow_end(worker_tracks_, at.track, record.ticks, arrow);
        }
    }

    /// Its end was not recorded: it lasted to the next gap at least.
    void cut_wait(std::uint64_t coroutine, const wait& begun) {
        const auto gap = std::ranges::upper_bound(gaps_, begun.ticks, {}, &trace_gap::begin);
        if (gap != gaps_.end()) draw_wait(coroutine, begun, gap->begin);
    }

    void draw_wait(std::uint64_t coroutine, const wait& ended, std::uint64_t ticks) {
        name_coroutine(coroutine);
        out_.complete(coroutine_tracks_, coroutine, to_text(ended.kind), "wait", ended.ticks,
                      ticks);
    }

    void begin_run(const placed_record& at) {
        if (at.track == workers_) return;
        runs_[at.track].begin(at.record->coroutine, at.record->flow, at.record->ticks);
    }

    [[nodiscard]] auto draw_run_on(std::size_t track) {
        return [this, track](std::uint64_t coroutine, std::uint64_t begin, std::uint64_t end,
                             const char* why) {
            out_.complete(worker_tracks_, track, label(coroutine), "run", begin, end,
                          "\"left by\":" + json_text(why));
        };
    }

    void end_run(const placed_record& at, const char* why) {
        if (at.track == workers_) return;
        const trace_record& record = *at.record;
        runs_[at.track].leave(record.coroutine, record.flow, record.ticks, why,
                              draw_run_on(at.track));
    }

    void act(const placed_record& at, std::uint64_t coroutine) {
        if (at.track != workers_) runs_[at.track].act(coroutine);
    }

    void pass_gaps(std::uint64_t ticks) {
        for (; next_gap_ < gaps_.size() && gaps_[next_gap_].begin <= ticks; ++next_gap_) {
            const auto [begin, end] = gaps_[next_gap_];
            for (std::size_t i = 0; i < workers_; ++i) {
                runs_[i].pass_gap(begin, end, draw_run_on(i));
                out_.complete(worker_tracks_, i, "not recorded", "gap", begin, end);
            }
            recorded_since_ = end;
        }
    }

    void instant(const placed_record& at, const char* name, const std::string& arguments) {
        act(at, 0);
        out_.instant(worker_tracks_, at.track, at.record->ticks, name, arguments);
    }

    void write_wake(const placed_record& at) {
        const trace_record& record = *at.record;
        act(at, record.other);
        // An arrow begins at a slice: where nobody runs (the loop, another thread) it gets one.
        if (record.other == 0) {
            out_.complete(worker_tracks_, at.track, "wake", "wake", record.ticks, end_of_wake(at));
        }
        const std::string arrow = flow_name(record);
        sent_.insert(arrow);
        out_.arrow_begin(worker_tracks_, at.track, record.ticks, arrow);
    }

    /// 0.1 us later, or where the next slice of this track may begin: slices must not overlap.
    [[nodiscard]] std::uint64_t end_of_wake(const placed_record& at) const {
        std::uint64_t end = at.record->ticks + out_.ticks_of_us(0.1);
        if (next_gap_ < gaps_.size()) end = std::min(end, gaps_[next_gap_].begin);
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
            return out_.complete(worker_tracks_, at.track, name, "user", record.other,
                                 record.ticks);
        }
        name_coroutine(record.coroutine);
        out_.complete(coroutine_tracks_, record.coroutine, name, "user", record.other,
                      record.ticks);
    }

    void name_coroutine(std::uint64_t id) {
        if (named_.insert(id).second) out_.name_track(coroutine_tracks_, id, label(id));
    }

    [[nodiscard]] std::string label(std::uint64_t id) const {
        const auto name = names_.find(id);
        const std::string number = std::to_string(id);
        return name == names_.end() ? "coroutine " + number : name->second + " (" + number + ")";
    }

    trace_document& out_;
    const std::size_t workers_;
    std::vector<trace_runs> runs_; ///< by worker
    const int worker_tracks_;
    const int coroutine_tracks_;
    std::vector<placed_record> records_;
    std::vector<trace_gap> gaps_;
    std::size_t next_gap_ = 0;
    std::uint64_t recorded_since_ = 0; ///< in ticks: the end of the last gap that was passed
    std::unordered_map<std::uint64_t, std::string> names_;
    std::unordered_map<std::uint64_t, wait> waits_; ///< by coroutine: those under way
    std::unordered_set<std::string> sent_;          ///< arrows that have begun
    std::unordered_set<std::uint64_t> named_;
};

} // namespace

void write_trace_events(trace_document& out, int nth, runtime_core& runtime) {
    const trace_writer written{out, nth, runtime};
}

} // namespace coir::detail
