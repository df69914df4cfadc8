// SPDX-License-Identifier: MIT
#include "fiber/stack_pool.hpp"

#include <coir/detail/config.hpp>

#include <doctest/doctest.h>

#include <fstream>
#include <string>
#include <vector>

using namespace coir::detail;

namespace {

std::size_t resident_bytes() {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;) {
        if (word != "VmRSS:") continue;
        std::size_t kib = 0;
        status >> kib;
        return kib * 1024;
    }
    return 0;
}

} // namespace

TEST_CASE("a million guarded stacks cost a page each, which trim gives back") {
    constexpr bool sanitized = COIR_ASAN != 0 || COIR_TSAN != 0;
    constexpr std::size_t count = sanitized ? 100'000 : 1'000'000;
    // Sanitizers have shadow memory for each page.
    constexpr std::size_t most_resident_bytes_each = sanitized ? 40'000 : 4'300;
    stack_depot& depot = stack_depot::instance();
    stack_magazine magazine(depot);
    std::vector<stack> stacks;
    stacks.reserve(count);
    const std::size_t before = resident_bytes();
    try {
        for (std::size_t i = 0; i < count; ++i) {
            stacks.push_back(magazine.acquire(512 * 1024 + 400));
            stacks.back().top[-400] = std::byte{1};
        }
    } catch (const stack_exhausted& refused) {
        // A kernel without guard advice stops at its limit of mappings, and says so.
        const std::string reason = refused.what();
        REQUIRE_MESSAGE(reason.find("max_map_count") != std::string::npos, reason);
        MESSAGE(reason, " after ", stacks.size());
    }
    REQUIRE(stacks.size() > 1000);
    const std::size_t each = (resident_bytes() - before) / stacks.size();
    CAPTURE(each);
    CHECK(each >= 4096);
    CHECK(each <= most_resident_bytes_each);

    for (const stack& used : stacks) magazine.release(used);
    magazine.flush();
    depot.trim();
    if (!sanitized) CHECK(resident_bytes() - before < stacks.size() * 64);
    CHECK(depot.count().warm + depot.count().cold == depot.count().handed_out);
}
