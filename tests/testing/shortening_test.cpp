// SPDX-License-Identifier: MIT
// Covers how failing schedules are made short, and how their seeds and choices give them back.

#include "fixture.hpp"

#include <coir/testing.hpp>

#include <stdexcept>
#include <string>
#include <string_view>

using namespace fixture;
using coir::testing::explore;
using coir::testing::explore_options;
using coir::testing::failure;
using coir::testing::simulate;

namespace {

// Many coroutines take many steps; two of them lose an update.
void crowd() {
    int shared = 0;
    coir::wait_group all;
    for (int who = 0; who < 6; ++who) {
        all.go([&shared, who] {
            for (int i = 0; i < 20; ++i) coir::testing::maybe_preempt();
            if (who > 1) return;
            const int seen = shared;
            coir::testing::maybe_preempt();
            shared = seen + 1;
        });
    }
    all.wait();
    if (shared != 2) throw std::logic_error("lost");
}

failure found_in(const explore_options& options, auto body) {
    try {
        explore(options, body);
    } catch (const failure& found) {
        return found;
    }
    throw std::logic_error("nothing was found");
}

// How often the steps of the report go from one coroutine to another.
int switches_in(std::string_view report) {
    int switches = -1;
    std::string_view before;
    while (!report.empty()) {
        const std::size_t end = report.find('\n');
        const std::string_view line = report.substr(0, end);
        report.remove_prefix(end == std::string_view::npos ? report.size() : end + 1);
        const std::size_t at = line.find(" s  ");
        if (at == std::string_view::npos) continue;
        const std::string_view who = line.substr(at + 4, line.find(' ', at + 4) - at - 4);
        if (who != before) ++switches;
        before = who;
    }
    return switches;
}

} // namespace

TEST_CASE("a failing schedule is made short before it is reported") {
    const leak_check leaks;
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
        const failure longer = found_in({.seed = seed, .shortening_runs = 0}, crowd);
        const failure shorter = found_in({.seed = seed}, crowd);
        CHECK(switches_in(shorter.what()) <= switches_in(longer.what()));
        CHECK(switches_in(shorter.what()) <= 10); // eight are needed to start and end six
        for (int i = 0; i < 10; ++i) {
            CHECK_THROWS_AS(simulate({.seed = shorter.seed()}, crowd), failure);
            CHECK_THROWS_AS(simulate({.seed = longer.seed()}, crowd), failure);
        }
    }
}

TEST_CASE("the effort to make it short is bounded") {
    std::size_t runs = 0;
    const auto counted = [&] {
        ++runs;
        crowd();
    };
    static_cast<void>(found_in({.seed = 3, .shortening_runs = 20}, counted));
    const std::size_t few = runs;
    CHECK(few < 1000 + 20 + 100 + 2);
    runs = 0;
    static_cast<void>(found_in({.seed = 3}, counted));
    CHECK(runs < few - 20 + 1000);
}

TEST_CASE("another failure is not taken for a shorter one of the same") {
    // Both are in it: the deadlock needs less.
    const auto body = [] {
        coir::mutex a, b;
        int shared = 0;
        coir::wait_group both;
        for (int who = 0; who < 2; ++who) {
            both.go([&, who] {
                const int seen = shared;
                coir::testing::maybe_preempt();
                shared = seen + 1;
                const std::scoped_lock first{who == 0 ? a : b};
                const std::scoped_lock second{who == 0 ? b : a};
            });
        }
        both.wait();
        if (shared != 2) throw std::logic_error("lost");
    };
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        const failure found = found_in({.seed = seed}, body);
        try {
            simulate({.seed = found.seed()}, body);
            CHECK(false);
        } catch (const failure& again) {
            const auto first_line = [](const std::string& text) {
                return text.substr(0, text.find('\n'));
            };
            CHECK(first_line(again.what()) == first_line(found.what()));
        }
    }
}

TEST_CASE("choices can be given instead of a seed") {
    const auto order_by = [](const std::string& choices) {
        std::string order;
        simulate({.choices = choices}, [&] {
            coir::wait_group all;
            for (char who = 'a'; who <= 'd'; ++who) all.go([&order, who] { order += who; });
            all.wait();
        });
        return order;
    };
    CHECK(order_by("0") == "abcd"); // the usual way
    CHECK(order_by("0 4:5 5:4 6:3") != "abcd");
    CHECK(order_by("0 4:5 5:4 6:3") == order_by("0 4:5 5:4 6:3"));
    CHECK(order_by("3 1000:77") == "abcd"); // there is no such choice, and nobody of that id
    for (const char* const wrong : {"x", "0 1:", "0 3:1 2:1", "0 1;2"}) {
        CHECK_THROWS_AS(simulate({.choices = wrong}, [] {}), std::invalid_argument);
    }
}

TEST_CASE("a schedule that needs more than a seed holds is given as choices, and remembered") {
    // Ids are large, and the members must come by in the reverse of their usual order.
    const auto body = [] {
        for (int i = 0; i < 5000; ++i) coir::go([] {}).join();
        std::string order;
        coir::wait_group all;
        for (char who = 'a'; who <= 'd'; ++who) all.go([&order, who] { order += who; });
        all.wait();
        if (order == "dcba") throw std::logic_error("in this order");
    };
    const failure found =
        found_in({.strategy = coir::testing::strategy::exhaustive, .preemptions = 0}, body);
    const std::string text = found.what();
    const std::string mark = ".choices = \"";
    const std::size_t begin = text.find(mark) + mark.size();
    REQUIRE(begin > mark.size());
    const std::string choices = text.substr(begin, text.find('"', begin) - begin);
    CHECK_THROWS_AS(simulate({.seed = found.seed()}, body), failure);
    CHECK_THROWS_AS(simulate({.choices = choices}, body), failure);
    CHECK_THROWS_AS(simulate({.seed = found.seed(), .choices = choices}, body), failure);
}
