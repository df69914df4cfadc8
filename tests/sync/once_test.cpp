// SPDX-License-Identifier: MIT
// Covers once_flag and call_once.

#include "fixture.hpp"

#include <coir/sync/latch.hpp>
#include <coir/sync/once.hpp>

#include <memory>
#include <stdexcept>

using namespace fixture;

TEST_CASE("of many calls one is made, and all return after it") {
    for_each_crew([](crew& members) {
        for (int round = 0; round < 20; ++round) {
            coir::once_flag flag;
            int calls = 0; // no atomic
            std::atomic<int> returned{0};
            for (int p = 0; p < 8; ++p)
                members.start([&] {
                    coir::call_once(flag, [&] {
                        members.pause();
                        ++calls;
                    });
                    CHECK(calls == 1);
                    returned.fetch_add(1);
                });
            members.join();
            CHECK(returned.load() == 8);
            CHECK(calls == 1);
        }
    });
}

TEST_CASE("arguments reach the function as by std::invoke") {
    coir::once_flag flag;
    auto box = std::make_unique<int>(4);
    int seen = 0;
    coir::call_once(
        flag, [&](std::unique_ptr<int> value, int& out) { out = *value; }, std::move(box), seen);
    CHECK(seen == 4);
    CHECK(box == nullptr);
}

TEST_CASE("a call that throws lets the next one try") {
    for_each_crew([](crew& members) {
        coir::once_flag flag;
        std::atomic<int> tries{0};
        std::atomic<int> failures{0};
        for (int p = 0; p < 8; ++p)
            members.start([&] {
                try {
                    coir::call_once(flag, [&] {
                        members.pause();
                        if (tries.fetch_add(1) < 5) throw std::runtime_error{"not yet"};
                    });
                } catch (const std::runtime_error&) {
                    failures.fetch_add(1);
                }
            });
        members.join();
        CHECK(tries.load() == 6);
        CHECK(failures.load() == 5);
    });
}

TEST_CASE("a call that is cancelled lets the next one try; so does nobody waiting") {
    for_each_runtime([] {
        coir::once_flag flag;
        coir::latch started{1};
        auto first = coir::go([&] {
            coir::call_once(flag, [&] {
                started.count_down();
                coir::sleep_for(1h);
            });
        });
        started.wait();
        bool second_called = false;
        auto second = coir::go([&] { coir::call_once(flag, [&] { second_called = true; }); });
        for (int i = 0; i < 20; ++i) coir::yield();
        CHECK(!second.done());
        first.request_stop();
        CHECK_THROWS_AS(first.join(), coir::task_cancelled);
        second.join();
        CHECK(second_called);
        coir::once_flag lonely;
        CHECK_THROWS_AS(
            coir::with_timeout(0ms, [&] { coir::call_once(lonely, [] { coir::yield(); }); }),
            coir::timed_out);
        bool called = false;
        coir::call_once(lonely, [&] { called = true; });
        CHECK(called);
    });
}

TEST_CASE("who waits for somebody else's call can be cancelled") {
    for_each_runtime([] {
        coir::once_flag flag;
        coir::latch started{1};
        coir::latch release{1};
        auto calling = coir::go([&] {
            coir::call_once(flag, [&] {
                started.count_down();
                release.wait();
            });
        });
        started.wait();
        CHECK_THROWS_AS(coir::with_timeout(1ms, [&] { coir::call_once(flag, [] {}); }),
                        coir::timed_out);
        release.count_down();
        calling.join();
        coir::call_once(flag, [] { CHECK(false); });
    });
}
