// SPDX-License-Identifier: MIT
#pragma once
// Owns how tests of explore say that it finds a bug in a program.

#include "fixture.hpp"

#include <coir/testing.hpp>

#include <cstdint>
#include <stdexcept>
#include <string>

namespace fixture {

inline void require(bool holds, const char* what) {
    if (!holds) throw std::logic_error(what);
}

/// What a failed run says, but for how it was found.
inline std::string line_of(const coir::testing::failure& failed) {
    const std::string text = failed.what();
    return text.substr(0, text.find('\n'));
}

inline std::string steps_of(const coir::testing::failure& failed) {
    const std::string text = failed.what();
    const auto at = text.find("the last steps");
    return at == std::string::npos ? "" : text.substr(at);
}

/// Asserts that a search finds the bug, with `expected` in its first line, and that its seed has it
/// again a hundred times, step by step. Searches from several starts, so that luck is no excuse.
template <class Body> void finds(const std::string& expected, Body body) {
    for (std::uint64_t start = 1; start <= 5; ++start) {
        INFO("start = ", start);
        try {
            coir::testing::explore({.schedules = 10'000, .seed = start}, body);
            CHECK_MESSAGE(false, "not found");
            continue;
        } catch (const coir::testing::failure& found) {
            INFO(std::string{found.what()});
            CHECK(line_of(found).find(expected) != std::string::npos);
            CHECK(std::string{found.what()}.find("once more did not fail so") == std::string::npos);
            CHECK(!steps_of(found).empty());
            for (int i = 0; i < 100; ++i) {
                try {
                    coir::testing::simulate({.seed = found.seed()}, body);
                    CHECK_MESSAGE(false, "did not fail again");
                } catch (const coir::testing::failure& again) {
                    CHECK(line_of(again) == line_of(found));
                    CHECK(again.seed() == found.seed());
                }
            }
        }
    }
}

/// The same of a program that ordinary stress does not break. On one worker that is certain. On two
/// and on four, 200,000 runs of each of the six broke one, once: a lost update (two cores, 2026).
template <class Body> void finds_what_stress_does_not(const std::string& expected, Body body) {
    coir::run(with_workers(1), [&] {
        for (int i = 0; i < scaled(1'000); ++i) CHECK_NOTHROW(body());
    });
    finds(expected, body);
}

} // namespace fixture
