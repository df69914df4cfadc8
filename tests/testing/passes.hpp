// SPDX-License-Identifier: MIT
#pragma once
// Owns how the tests of coir itself under explore say that a program is right.

#include "fixture.hpp"

#include <coir/testing.hpp>

#include <stdexcept>
#include <string>

namespace fixture {

inline void require(bool holds, const char* what) {
    if (!holds) throw std::logic_error(what);
}

/// Explores the body. COIR_STRESS_SCALE=1000 makes it a search for bugs of coir's.
template <class Body> void passes(Body body) {
    const leak_check leaks;
    try {
        coir::testing::explore(
            {.schedules = static_cast<std::size_t>(scaled(3000)), .seed = 2026, .depth = 4}, body);
    } catch (const coir::testing::failure& failed) {
        FAIL_CHECK(std::string{failed.what()});
    }
}

} // namespace fixture
