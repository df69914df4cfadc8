// SPDX-License-Identifier: MIT
#include "http/report.hpp"

#include "http/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace web {
namespace {

std::string human_bytes(double bytes) {
    constexpr const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    std::size_t unit = 0;
    while (bytes >= 1024 && unit + 1 < std::size(units)) {
        bytes /= 1024;
        ++unit;
    }
    return fmt::format("{:.{}f} {}", bytes, unit == 0 ? 0 : 1, units[unit]);
}

double milliseconds(std::chrono::nanoseconds duration) {
    return std::chrono::duration<double, std::milli>(duration).count();
}

} // namespace

report::report(std::size_t total, bool json, bool on_terminal)
    : total_(total), json_(json), on_terminal_(on_terminal) {}

void report::add(const outcome& result) {
    ++status_counts_[result.status];
    bytes_ += result.bytes;
    if (result.error.empty())
        latencies_.push_back(result.elapsed);
    else
        ++failed_;
    if (!result.error.empty() && !json_) {
        erase_progress();
        fmt::print(stderr, "GET {}: {}\n", result.url, result.error);
    }
    if (!json_) return;
    fmt::print(R"({{"url":{},"status":{},"bytes":{},"milliseconds":{:.3f},"file":{},"error":{}}})"
               "\n",
               json_string(result.url), result.status, result.bytes, milliseconds(result.elapsed),
               result.file.empty() ? "null" : json_string(result.file),
               result.error.empty() ? "null" : json_string(result.error));
}

void report::draw_progress() {
    if (!on_terminal_) return;
    constexpr std::size_t width = 30;
    const std::size_t filled = total_ == 0 ? width : width * done() / total_;
    const double seconds = std::max(elapsed().count(), 1e-9);
    fmt::print(stderr, "\r[{:#<{}}{:.<{}}] {}/{}  {}/s  {} failed\x1b[K", "", filled, "",
               width - filled, done(), total_, human_bytes(static_cast<double>(bytes_) / seconds),
               failed_);
    std::fflush(stderr);
    drawn_ = true;
}

void report::erase_progress() {
    if (drawn_) fmt::print(stderr, "\r\x1b[K");
    drawn_ = false;
}

void report::finish() {
    erase_progress();
    std::sort(latencies_.begin(), latencies_.end());
    json_ ? print_json() : print_table();
    std::fflush(stdout);
}

void report::print_table() const {
    fmt::print("{:<10}{:>10}\n", "status", "count");
    for (const auto& [status, count] : status_counts_)
        fmt::print("{:<10}{:>10}\n", status == 0 ? "no answer" : std::to_string(status), count);
    if (done() < total_) fmt::print("{:<10}{:>10}\n", "cancelled", total_ - done());
    const double seconds = std::max(elapsed().count(), 1e-9);
    fmt::print("{} of {} URLs, {} failed, {} ({} bytes) in {:.3f} s: {:.0f} URLs/s, {}/s\n",
               latencies_.size(), total_, failed_, human_bytes(static_cast<double>(bytes_)), bytes_,
               seconds, static_cast<double>(done()) / seconds,
               human_bytes(static_cast<double>(bytes_) / seconds));
    if (latencies_.empty()) return;
    fmt::print("latency p50 {:.1f} ms, p90 {:.1f} ms, p99 {:.1f} ms\n", percentile_ms(0.5),
               percentile_ms(0.9), percentile_ms(0.99));
}

void report::print_json() const {
    std::string counts;
    for (const auto& [status, count] : status_counts_)
        counts += fmt::format(R"({}"{}":{})", counts.empty() ? "" : ",", status, count);
    fmt::print(
        R"({{"summary":{{"total":{},"succeeded":{},"failed":{},"cancelled":{},"status":{{{}}},)"
        R"("bytes":{},"seconds":{:.6f},"p50_ms":{:.3f},"p90_ms":{:.3f},"p99_ms":{:.3f}}}}})"
        "\n",
        total_, latencies_.size(), failed_, total_ - done(), counts, bytes_, elapsed().count(),
        percentile_ms(0.5), percentile_ms(0.9), percentile_ms(0.99));
}

std::chrono::duration<double> report::elapsed() const {
    return std::chrono::steady_clock::now() - begin_;
}

/// Nearest rank, over sorted latencies.
double report::percentile_ms(double fraction) const {
    if (latencies_.empty()) return 0;
    const auto rank = std::ceil(fraction * static_cast<double>(latencies_.size()));
    return milliseconds(latencies_[static_cast<std::size_t>(std::max(rank, 1.0)) - 1]);
}

} // namespace web
