// SPDX-License-Identifier: MIT
#pragma once
// Owns the Trace Event Format, as a JSON array: how events are written.

#include "debug/json_text.hpp"
#include "sched/trace.hpp"
#include "timer/clock.hpp"

#include <cstdint>
#include <cstdio>
#include <string>

namespace coir::detail {

/// A whole document whenever closed; what is written after that goes before the closing bracket.
class trace_document {
public:
    /// Starts the document and the time that it counts from.
    void start(std::FILE* file) {
        file_ = file;
        begin_ns_ = monotonic_ns();
        begin_ticks_ = trace_ticks();
        std::fputc('[', file_);
        close();
    }
    [[nodiscard]] bool is_started() const { return file_ != nullptr; }

    void reopen() {
        std::fseek(file_, -ending_bytes, SEEK_CUR);
        const std::int64_t ns = monotonic_ns() - begin_ns_;
        const std::uint64_t ticks = trace_ticks() - begin_ticks_;
        us_per_tick_ = static_cast<double>(ns) * 1e-3 / static_cast<double>(ticks != 0 ? ticks : 1);
    }
    /// Whether everything could be written.
    bool close() {
        std::fputs(ending, file_);
        return std::fflush(file_) == 0;
    }

    [[nodiscard]] std::uint64_t ticks_of_us(double us) const {
        return static_cast<std::uint64_t>(us / us_per_tick_);
    }

    // `group` is a process of the format, `track` a thread of it; arguments are JSON without
    // braces.
    void complete(int group, std::uint64_t track, const std::string& name, const char* category,
                  std::uint64_t begin, std::uint64_t end, const std::string& arguments = {}) {
        event("\"ph\":\"X\",\"name\":" + json_text(name) + ",\"cat\":\"" + category + "\"" +
              place(group, track, begin) + ",\"dur\":" + json_number(time(end) - time(begin)) +
              (arguments.empty() ? "" : ",\"args\":{" + arguments + "}"));
    }
    void instant(int group, std::uint64_t track, std::uint64_t ticks, const std::string& name,
                 const std::string& arguments) {
        event("\"ph\":\"i\",\"s\":\"t\",\"name\":" + json_text(name) + place(group, track, ticks) +
              ",\"args\":{" + arguments + "}");
    }
    void arrow_begin(int group, std::uint64_t track, std::uint64_t ticks, const std::string& id) {
        event("\"ph\":\"s\"" + arrow(id) + place(group, track, ticks));
    }
    void arrow_end(int group, std::uint64_t track, std::uint64_t ticks, const std::string& id) {
        event("\"ph\":\"f\",\"bp\":\"e\"" + arrow(id) + place(group, track, ticks));
    }
    void name_group(int group, const std::string& name) {
        event("\"ph\":\"M\",\"name\":\"process_name\",\"pid\":" + std::to_string(group) +
              ",\"tid\":0,\"args\":{\"name\":" + json_text(name) + "}");
    }
    void name_track(int group, std::uint64_t track, const std::string& name) {
        event("\"ph\":\"M\",\"name\":\"thread_name\",\"pid\":" + std::to_string(group) +
              ",\"tid\":" + std::to_string(track) + ",\"args\":{\"name\":" + json_text(name) + "}");
    }

private:
    static constexpr const char* ending = "\n]\n";
    static constexpr long ending_bytes = 3;

    static std::string arrow(const std::string& id) {
        return ",\"name\":\"wake\",\"cat\":\"wake\",\"id\":\"" + id + "\"";
    }
    [[nodiscard]] double time(std::uint64_t ticks) const {
        return static_cast<double>(static_cast<std::int64_t>(ticks - begin_ticks_)) * us_per_tick_;
    }
    [[nodiscard]] std::string place(int group, std::uint64_t track, std::uint64_t ticks) const {
        return ",\"pid\":" + std::to_string(group) + ",\"tid\":" + std::to_string(track) +
               ",\"ts\":" + json_number(time(ticks));
    }
    void event(const std::string& text) {
        std::fprintf(file_, "%s{%s}", has_events_ ? ",\n" : "\n", text.c_str());
        has_events_ = true;
    }

    std::FILE* file_ = nullptr;
    bool has_events_ = false;
    std::uint64_t begin_ticks_ = 0;
    std::int64_t begin_ns_ = 0;
    double us_per_tick_ = 1;
};

} // namespace coir::detail
