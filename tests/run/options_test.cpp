// SPDX-License-Identifier: MIT
// Covers settings that cannot be: refused with their name, by whoever is given them.

#include "fixture.hpp"

#include <stdexcept>
#include <string>

using namespace fixture;

namespace {

std::string refusal_of(const coir::runtime_options& options) {
    try {
        coir::run(options, [] {});
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
    return "none";
}

bool names(const std::string& refusal, const char* setting) {
    return refusal.find(setting) != std::string::npos;
}

} // namespace

TEST_CASE("a runtime refuses settings that cannot be") {
    const leak_check leaks;
    // The environment comes first.
    if (!workers_are_imposed()) CHECK(names(refusal_of({.workers = 1025}), "workers"));
    CHECK(names(refusal_of({.stack_size = 16 * 1024 - 1}), "stack_size"));
    CHECK(names(refusal_of({.stack_size = std::size_t{1} << 62}), "stack_size"));
    CHECK(names(refusal_of({.max_blocking_threads = 0}), "max_blocking_threads"));
    CHECK(names(refusal_of({.busy_limit = -1ms}), "busy_limit"));
    CHECK(refusal_of({}) == "none");
}

TEST_CASE("go refuses a stack that is too small, and nothing has started") {
    for_each_runtime([] {
        bool began = false;
        CHECK_THROWS_AS(coir::go({.stack_size = 1024}, [&] { began = true; }),
                        std::invalid_argument);
        coir::yield();
        CHECK(!began);
        CHECK(coir::go({.stack_size = 16 * 1024}, [] { return 1; }).join() == 1);
    });
}
