// SPDX-License-Identifier: MIT
// Covers the exhaustive search: that it tries every schedule once, says so, and finds what it must.

#include "fixture.hpp"

#include <coir/testing.hpp>

#include <algorithm>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

using namespace fixture;
using coir::testing::explore;
using coir::testing::explore_options;
using coir::testing::explore_result;
using coir::testing::failure;
using coir::testing::simulate;
using coir::testing::strategy;

namespace {

explore_options all_with(unsigned preemptions) {
    return {.strategy = strategy::exhaustive, .preemptions = preemptions};
}

// Each of `members` goes by `steps` times; the orders that were seen, each once.
struct orders {
    int members;
    int steps;
    std::set<std::vector<int>> seen{};
    std::size_t runs = 0;

    void operator()() {
        std::vector<int> order;
        coir::wait_group all;
        for (int who = 0; who < members; ++who) {
            all.go([&order, who, count = steps] {
                for (int i = 0; i < count; ++i) {
                    order.push_back(who);
                    coir::testing::maybe_preempt();
                }
            });
        }
        all.wait();
        seen.insert(order);
        ++runs;
    }
};

// Two take turns at a counter. Each change of hands in the middle makes one turn more possible; two
// turns need none.
void take_turns(int most) {
    int turns = 0;
    coir::wait_group both;
    for (int who = 0; who < 2; ++who) {
        both.go([&turns, who, most] {
            for (int i = 0; i < most; ++i) {
                if (turns % 2 == who) ++turns;
                coir::testing::maybe_preempt();
            }
        });
    }
    both.wait();
    if (turns >= most) throw std::logic_error("too many turns");
}

failure failure_of(const explore_options& options, auto body) {
    try {
        explore(options, body);
    } catch (const failure& found) {
        return found;
    }
    throw std::logic_error("nothing was found");
}

} // namespace

TEST_CASE("every order of small programs is tried") {
    // The interleavings of two threes, and of three ones: 6 choose 3, and 3!.
    orders two{2, 3};
    explore_result result = explore(all_with(6), two);
    CHECK(result.covered);
    CHECK(two.seen.size() == 20);
    orders three{3, 1};
    result = explore(all_with(3), three);
    CHECK(result.covered);
    CHECK(three.seen.size() == 6);
}

TEST_CASE("more preemptions are more schedules, and all of them those of fewer") {
    std::set<std::vector<int>> fewer;
    std::size_t schedules = 0;
    // Each one more is five times the schedules.
    const auto most = static_cast<unsigned>(std::clamp(fixture::scaled(4), 2, 4));
    for (unsigned preemptions = 0; preemptions <= most; ++preemptions) {
        orders program{3, 2};
        const explore_result result = explore(all_with(preemptions), program);
        CHECK(result.covered);
        CHECK(result.schedules > schedules);
        CHECK(program.runs >= result.schedules);
        CHECK(program.seen.size() >= fewer.size());
        CHECK(std::includes(program.seen.begin(), program.seen.end(), fewer.begin(), fewer.end()));
        fewer = program.seen;
        schedules = result.schedules;
    }
    orders again{3, 2};
    CHECK(explore(all_with(most), again).schedules == schedules);
}

TEST_CASE("each way that a select may choose is tried") {
    std::multiset<std::pair<std::size_t, std::size_t>> chosen;
    const auto program = [&] {
        const coir::chan<int> a(2), b(2), c(2);
        for (const auto& each : {a, b, c}) static_cast<void>(each.try_send(1));
        const std::size_t first =
            coir::select(a.on_recv(), b.on_recv(), c.on_recv(), coir::otherwise());
        for (const auto& each : {a, b, c}) static_cast<void>(each.try_send(1));
        const std::size_t second = coir::select(a.on_recv(), b.on_recv());
        chosen.emplace(first, second);
    };
    const explore_result result = explore(all_with(0), program);
    CHECK(result.covered);
    CHECK(result.schedules == 12); // the orders of three, times those of two
    for (std::size_t first = 0; first < 3; ++first) {
        for (std::size_t second = 0; second < 2; ++second) {
            CHECK(chosen.count({first, second}) == 2);
        }
    }
}

TEST_CASE("a timer that is due may come before and after what others do") {
    std::set<std::size_t> chosen;
    const explore_result result = explore(all_with(2), [&] {
        const coir::chan<int> values;
        auto sender = coir::go([=] {
            coir::sleep_for(1s);
            static_cast<void>(values.send_for(0s, 1));
        });
        chosen.insert(coir::select(values.on_recv(), coir::on_timeout(1s)));
        sender.join();
    });
    CHECK(result.covered);
    CHECK(chosen == std::set<std::size_t>{0, 1});
}

TEST_CASE("a failure is found with the preemptions that it needs, and not with fewer") {
    for (int needed = 1; needed <= 3; ++needed) {
        const auto body = [needed] { take_turns(needed + 2); };
        CHECK(explore(all_with(static_cast<unsigned>(needed) - 1), body).covered);
        CHECK_THROWS_AS(explore(all_with(static_cast<unsigned>(needed)), body), failure);
    }
}

TEST_CASE("what an exhaustive search finds is had again by its seed") {
    const leak_check leaks;
    const auto body = [] {
        coir::mutex a, b;
        coir::wait_group both;
        both.go([&] {
            const std::scoped_lock first{a};
            const std::scoped_lock second{b};
        });
        both.go([&] {
            const std::scoped_lock first{b};
            const std::scoped_lock second{a};
        });
        both.wait();
    };
    const failure found = failure_of(all_with(2), body);
    CHECK(std::string{found.what()}.find("deadlock") != std::string::npos);
    for (int i = 0; i < 100; ++i) CHECK_THROWS_AS(simulate({.seed = found.seed()}, body), failure);
    CHECK(failure_of(all_with(2), body).seed() == found.seed());
    CHECK(std::string{failure_of(all_with(2), body).what()} == found.what());
}

TEST_CASE("schedules without a failure end at the number that is asked for") {
    orders program{4, 4};
    explore_options options = all_with(3);
    options.schedules = 500;
    const explore_result result = explore(options, program);
    CHECK(program.runs == 500);
    CHECK(!result.covered);
}

TEST_CASE("a search by chance covers nothing, and counts its runs") {
    orders program{2, 1};
    const explore_result result = explore({.schedules = 50}, program);
    CHECK(result.schedules == 50);
    CHECK(!result.covered);
    CHECK(explore(orders{2, 1}).schedules == 1000);
}

TEST_CASE("a program that goes other ways by itself is not covered") {
    int runs = 0;
    const explore_result result =
        explore({.schedules = 200, .strategy = strategy::exhaustive}, [&] {
            orders program{2, ++runs % 3};
            program();
        });
    CHECK(!result.covered);
}

TEST_CASE("sockets and virtual time are part of it") {
    const explore_result result = explore(all_with(1), [] {
        auto listener = coir::tcp_listener::bind("127.0.0.1", 0);
        auto server = coir::go([&] { listener.accept().write_all("x"); });
        auto stream = coir::tcp_stream::connect(listener.local_endpoint());
        char byte = 0;
        stream.read_exactly(std::span{&byte, 1});
        CHECK(byte == 'x');
        server.join();
    });
    CHECK(result.covered);
    CHECK(result.schedules > 1);
}
