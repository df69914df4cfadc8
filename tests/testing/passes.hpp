// SPDX-License-Identifier: MIT
#pragma once
// Owns how the tests of coir itself under explore say that a program is right.

#include "fixture.hpp"

#include <coir/testing.hpp>

#include <cstdio>
#include <stdexcept>
#include <string>

namespace fixture {

inline void require(bool holds, const char* what) {
    if (!holds) throw std::logic_error(what);
}

/// Counts the schedules that all bodies of the program have passed, and says so at its end.
class schedule_count {
public:
    schedule_count() = default;
    schedule_count(const schedule_count&) = delete;
    ~schedule_count() { std::printf("schedules: %zu\n", passed_); }
    void add(std::size_t more) noexcept { passed_ += more; }

private:
    std::size_t passed_ = 0;
};
inline schedule_count schedules_passed;

/// Explores the body, mostly by chance, and as far as that goes the schedules with two preemptions
/// at most. COIR_STRESS_SCALE=30 makes it a search for bugs of coir's.
template <class Body> void passes(Body body, const coir::testing::network_options& network = {}) {
    const leak_check leaks;
    try {
        schedules_passed.add(
            coir::testing::explore({.schedules = static_cast<std::size_t>(scaled(3000)),
                                    .seed = 2026,
                                    .depth = 4,
                                    .network = network},
                                   body)
                .schedules);
        schedules_passed.add(
            coir::testing::explore({.schedules = static_cast<std::size_t>(scaled(300)),
                                    .strategy = coir::testing::strategy::exhaustive,
                                    .network = network},
                                   body)
                .schedules);
    } catch (const coir::testing::failure& failed) {
        FAIL_CHECK(std::string{failed.what()});
    }
}

} // namespace fixture
