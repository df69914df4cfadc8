// SPDX-License-Identifier: MIT
// Covers wait_group.

#include "fixture.hpp"

#include <coir/sync/wait_group.hpp>

#include <stdexcept>
#include <string>

using namespace fixture;

TEST_CASE("wait returns when the count is zero, and the group may be used again") {
    for_each_crew([](crew& members) {
        coir::wait_group all;
        all.wait();
        for (int round = 0; round < 20; ++round) {
            int done[5] = {};
            all.add(5);
            for (int& one : done)
                members.start([&all, &members, &one] {
                    members.pause();
                    one = 1;
                    all.done();
                });
            all.wait();
            for (const int one : done) CHECK(one == 1);
            members.join();
        }
    });
}

TEST_CASE("a count below zero is refused") {
    coir::wait_group all;
    CHECK_THROWS_AS(all.done(), std::logic_error);
    all.add(2);
    CHECK_THROWS_AS(all.add(-3), std::logic_error);
    all.add(-2);
    all.wait();
}

TEST_CASE("go counts until what it started is gone") {
    for_each_runtime([] {
        coir::wait_group all;
        std::atomic<int> ran{0};
        const long live = tracked::live.load();
        for (int i = 0; i < 100; ++i)
            all.go([&, kept = tracked{i}] {
                coir::yield();
                ran.fetch_add(1);
                return tracked{kept};
            });
        all.wait();
        CHECK(ran.load() == 100);
        CHECK(tracked::live.load() == live);
    });
}

TEST_CASE("what a started function throws is an unhandled exception, told before wait returns") {
    for (const int workers : worker_counts) {
        std::atomic<int> told{0};
        coir::runtime_options options = with_workers(workers);
        options.on_unhandled_exception = [&](std::exception_ptr failure, const coir::task_info&) {
            try {
                std::rethrow_exception(failure);
            } catch (const std::runtime_error& error) {
                if (std::string{error.what()} == "mine") told.fetch_add(1);
            }
        };
        coir::run(options, [&] {
            coir::wait_group all;
            for (int i = 0; i < 3; ++i) all.go([] { throw std::runtime_error{"mine"}; });
            all.wait();
            CHECK(told.load() == 3);
        });
    }
}

TEST_CASE("what is cancelled before it begins is counted off, too") {
    std::atomic<int> ran{0};
    coir::wait_group all;
    coir::run(with_workers(1), [&] {
        for (int i = 0; i < 10; ++i) all.go([&] { ran.fetch_add(1); });
    });
    all.wait();
    CHECK(ran.load() <= 10);
}

TEST_CASE("a wait can be cancelled") {
    for_each_runtime([] {
        coir::wait_group all;
        all.add(1);
        CHECK_THROWS_AS(coir::with_timeout(1ms, [&] { all.wait(); }), coir::timed_out);
        all.done();
        all.wait();
    });
}
