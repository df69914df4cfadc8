// SPDX-License-Identifier: MIT
#pragma once
// Owns how the tests of partial deadlocks ask for them.

#include "fixture.hpp"

#include <coir/detail/config.hpp>

#include <cstddef>
#include <sstream>
#include <string>

namespace fixture {

/// Programs that cannot be looked into: that is refused, which has a test of its own.
inline constexpr bool has_hidden_memory = COIR_ASAN != 0 || COIR_TSAN != 0;

struct finding {
    std::size_t count = 0;
    std::string text;
};

inline finding find_deadlocked() {
    std::ostringstream out;
    finding found;
    found.count = coir::dump_deadlocked(out);
    found.text = out.str();
    return found;
}

inline void join_until_cancelled(coir::task<void> task) {
    try {
        task.join();
    } catch (const coir::task_cancelled&) {} // at the end of run
}

} // namespace fixture
