// SPDX-License-Identifier: MIT
#pragma once
// Owns what the client tells its user: failures, progress, the closing table or JSON.

#include "http/fetch.hpp"

#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace web {

/// Gathers outcomes and prints them. Used by one coroutine only.
class report {
public:
    /// `on_terminal`: whether standard error is a terminal, which then shows the progress bar.
    report(std::size_t total, bool json, bool on_terminal);

    /// Counts the outcome; prints it at once as JSON, or as a line on standard error if it failed.
    void add(const outcome& result);

    /// Redraws the progress bar, if there is one.
    void draw_progress();

    /// Prints the closing table (or JSON object). URLs without an outcome count as cancelled.
    void finish();

    bool all_succeeded() const { return failed_ == 0 && done() == total_; }

private:
    std::size_t done() const { return latencies_.size() + failed_; }
    std::chrono::duration<double> elapsed() const;
    double percentile_ms(double fraction) const;
    void erase_progress();
    void print_table() const;
    void print_json() const;

    std::size_t total_;
    bool json_;
    bool on_terminal_;
    bool drawn_ = false;
    std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
    std::size_t failed_ = 0;
    std::size_t bytes_ = 0;
    std::map<unsigned, std::size_t> status_counts_;   // 0: no answer
    std::vector<std::chrono::nanoseconds> latencies_; // of what succeeded
};

} // namespace web
