// SPDX-License-Identifier: MIT
// Covers latch.

#include "fixture.hpp"

#include <coir/sync/latch.hpp>

#include <stdexcept>

using namespace fixture;

TEST_CASE("wait returns when all have counted down, and sees what they did") {
    for_each_crew([](crew& members) {
        coir::latch all{8};
        std::array<int, 8> done{};
        for (std::size_t i = 0; i < done.size(); ++i)
            members.start([&, i] {
                if (i % 2 == 0) members.settle();
                done[i] = 1;
                all.count_down();
            });
        for (int w = 0; w < 3; ++w)
            members.start([&] {
                all.wait();
                for (const int one : done) CHECK(one == 1);
                CHECK(all.try_wait());
                all.wait();
            });
        members.join();
    });
}

TEST_CASE("arrive_and_wait is a meeting point") {
    for_each_crew([](crew& members) {
        coir::latch meeting{5};
        std::atomic<int> arrived{0};
        for (int i = 0; i < 4; ++i)
            members.start([&, i] {
                const int weight = i == 0 ? 2 : 1;
                arrived.fetch_add(weight);
                meeting.arrive_and_wait(weight);
                CHECK(arrived.load() == 5);
            });
        members.join();
    });
}

TEST_CASE("a latch for nobody is open, and counting below zero is refused") {
    coir::latch open{0};
    CHECK(open.try_wait());
    open.wait();
    open.count_down(0);
    CHECK_THROWS_AS(open.count_down(), std::logic_error);
    CHECK_THROWS_AS(coir::latch{-1}, std::logic_error);
    coir::latch two{2};
    CHECK_THROWS_AS(two.count_down(3), std::logic_error);
    CHECK(!two.try_wait());
    two.count_down(2);
    CHECK(two.try_wait());
}

TEST_CASE("a cancelled wait leaves the latch as it is; an arrival counts all the same") {
    for_each_runtime([] {
        coir::latch two{2};
        auto waiting = coir::go([&] { two.wait(); });
        for (int i = 0; i < 20; ++i) coir::yield();
        waiting.request_stop();
        CHECK_THROWS_AS(waiting.join(), coir::task_cancelled);
        CHECK(!two.try_wait());
        CHECK_THROWS_AS(coir::with_timeout(0ms, [&] { two.arrive_and_wait(); }), coir::timed_out);
        CHECK(!two.try_wait());
        two.count_down();
        CHECK(two.try_wait());
    });
}
