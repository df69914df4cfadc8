// SPDX-License-Identifier: MIT
// Covers what is drawn of those who ran around the gaps of a recording.

#include "debug/trace_runs.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <sstream>
#include <string>

namespace {

/// What is drawn, as "coroutine:begin-end", each with a space.
struct track {
    coir::detail::trace_runs runs;
    std::ostringstream drawn;

    auto draw() {
        return [this](std::uint64_t coroutine, std::uint64_t begin, std::uint64_t end,
                      const char*) { drawn << coroutine << ':' << begin << '-' << end << ' '; };
    }
    void leave(std::uint64_t coroutine, std::uint64_t wait, std::uint64_t ticks) {
        runs.leave(coroutine, wait, ticks, "sleep", draw());
    }
    void gap(std::uint64_t begin, std::uint64_t end) { runs.pass_gap(begin, end, draw()); }
};

} // namespace

TEST_CASE("a run is drawn from its begin to its end") {
    track one;
    one.runs.begin(7, 1, 10);
    one.leave(7, 1, 20);
    one.runs.begin(8, 1, 25);
    one.leave(8, 1, 30);
    CHECK(one.drawn.str() == "7:10-20 8:25-30 ");
}

TEST_CASE("one whose begin was overwritten is not drawn") {
    track one;
    one.leave(7, 1, 20);
    one.runs.begin(7, 1, 30);
    one.leave(8, 1, 40);
    CHECK(one.drawn.str().empty());
}

TEST_CASE("a gap cuts a run") {
    track one;
    one.runs.begin(7, 1, 10);
    one.gap(15, 20);
    one.leave(7, 1, 30);
    CHECK(one.drawn.str() == "7:10-15 7:20-30 ");
}

TEST_CASE("the first record after a gap tells who has run since") {
    track one;
    one.runs.begin(7, 1, 10);
    one.gap(15, 20);
    one.leave(8, 3, 30);
    one.gap(40, 50);
    one.leave(7, 2, 60);
    one.leave(8, 3, 70);
    CHECK(one.drawn.str() == "7:10-15 8:20-30 7:50-60 ");
}

TEST_CASE("a turn that goes on through several gaps is drawn between them") {
    track one;
    one.runs.begin(7, 1, 10);
    one.gap(15, 20);
    one.gap(30, 40);
    one.runs.act(7); // it wakes somebody
    one.gap(50, 60);
    one.leave(7, 1, 70);
    CHECK(one.drawn.str() == "7:10-15 7:40-50 7:20-30 7:60-70 ");
}

TEST_CASE("one that came back has not run between gaps that were silent") {
    track one;
    one.runs.begin(7, 1, 10);
    one.gap(15, 20);
    one.gap(30, 40);
    one.leave(7, 2, 50); // it has waited in one of them
    CHECK(one.drawn.str() == "7:10-15 7:40-50 ");
}

TEST_CASE("who wakes somebody after a gap runs, and the loop shows that nobody did") {
    track one;
    one.runs.begin(7, 1, 10);
    one.gap(15, 20);
    one.runs.act(8);
    one.gap(30, 40);
    one.runs.act(0);
    one.leave(8, 1, 50);
    CHECK(one.drawn.str() == "7:10-15 8:20-30 ");
}

TEST_CASE("what begins after a gap says nothing of what was before") {
    track one;
    one.runs.begin(7, 1, 10);
    one.gap(15, 20);
    one.gap(30, 40);
    one.runs.begin(8, 1, 45);
    one.leave(8, 1, 50);
    CHECK(one.drawn.str() == "7:10-15 8:45-50 ");
}
