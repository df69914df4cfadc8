// SPDX-License-Identifier: MIT
// Covers cancellation wherever a coroutine is: running, queued, in a blocking call, in a handler of
// exceptions; and limits on OS threads.

#include "fixture.hpp"

#include <coir/blocking.hpp>
#include <coir/group.hpp>
#include <coir/sync/latch.hpp>

#include <exception>
#include <stdexcept>
#include <system_error>
#include <thread>

using namespace fixture;

TEST_CASE("one that computes is cancelled at its next wait, and not before") {
    for_each_runtime([] {
        std::atomic<bool> running{false};
        std::atomic<bool> stopped{false};
        bool computed = false;
        bool waited = false;
        // Beside a thread of its own, so that one worker is enough.
        auto task = coir::go([&] {
            running.store(true);
            while (!stopped.load()) std::this_thread::yield();
            computed = true;
            coir::yield();
            waited = true;
        });
        std::thread stopper{[&] {
            while (!running.load()) std::this_thread::yield();
            task.request_stop();
            stopped.store(true);
        }};
        coir::blocking([&] { stopper.join(); });
        CHECK_THROWS_AS(task.join(), coir::task_cancelled);
        CHECK(computed);
        CHECK(!waited);
    });
}

TEST_CASE("one that is ready to go on is cancelled at its next wait, with what it was given") {
    for_each_runtime([] {
        const coir::chan<int> ch;
        coir::latch started{1};
        std::optional<int> given;
        bool waited = false;
        auto task = coir::go([&] {
            started.count_down();
            given = ch.recv();
            coir::yield();
            waited = true;
        });
        started.wait();
        CHECK(ch.send(5)); // now it is queued, or runs
        task.request_stop();
        CHECK_THROWS_AS(task.join(), coir::task_cancelled);
        CHECK(given == 5);
        CHECK(!waited);
    });
}

TEST_CASE("a blocking call is not cut short; its caller is cancelled at the next wait") {
    for_each_runtime([] {
        coir::latch called{1};
        std::atomic<bool> may_return{false};
        int returned = 0;
        bool waited = false;
        auto task = coir::go([&] {
            returned = coir::blocking([&] {
                called.count_down();
                while (!may_return.load()) std::this_thread::yield();
                return 5;
            });
            coir::yield();
            waited = true;
        });
        called.wait();
        task.request_stop();
        for (int i = 0; i < 20; ++i) coir::yield();
        CHECK(!task.done());
        may_return.store(true);
        CHECK_THROWS_AS(task.join(), coir::task_cancelled);
        CHECK(returned == 5);
        CHECK(!waited);
    });
}

TEST_CASE("catch (const std::exception&) does not catch cancelled") {
    for_each_runtime([] {
        bool caught = false;
        coir::latch started{1};
        auto task = coir::go([&] {
            try {
                started.count_down();
                coir::sleep_for(1h);
            } catch (const std::exception&) {
                caught = true;
            }
        });
        started.wait();
        task.request_stop();
        CHECK_THROWS_AS(task.join(), coir::task_cancelled);
        CHECK(!caught);
    });
}

TEST_CASE("timed_out is a system_error of errc::timed_out, and caught as such") {
    for_each_crew([](crew& members) {
        members.start([] {
            try {
                coir::with_timeout(1ms, [] { coir::sleep_for(1h); });
                CHECK(false);
            } catch (const std::system_error& error) {
                CHECK(error.code() == std::errc::timed_out);
            }
        });
    });
}

TEST_CASE("limits end the waits of OS threads, too") {
    for_each_crew([](crew& members) {
        const coir::chan<int> never;
        coir::mutex taken;
        taken.lock();
        members.start([&] {
            CHECK_THROWS_AS(coir::with_timeout(1ms, [&] { return never.recv(); }), coir::timed_out);
            CHECK_THROWS_AS(coir::with_deadline(coir::clock::now() + 1ms, [&] { taken.lock(); }),
                            coir::timed_out);
            CHECK_THROWS_AS(coir::with_timeout(1ms, [&] { coir::select(never.on_recv()); }),
                            coir::timed_out);
            // The outer one strikes through the inner one.
            bool inner_struck = false;
            CHECK_THROWS_AS(coir::with_timeout(1ms,
                                               [&] {
                                                   try {
                                                       coir::with_timeout(1h, [] { //
                                                           coir::sleep_for(2h);
                                                       });
                                                   } catch (const coir::timed_out&) {
                                                       inner_struck = true;
                                                   }
                                               }),
                            coir::timed_out);
            CHECK(!inner_struck);
            CHECK(coir::with_timeout(1h, [] { return 3; }) == 3);
        });
        members.join();
        taken.unlock();
    });
}

TEST_CASE("a member's stop token is its group's") {
    for_each_runtime([] {
        coir::task_group group;
        coir::latch started{1};
        bool told = false;
        group.go([&] {
            const std::stop_token token = coir::this_task::stop_token();
            started.count_down();
            coir::shield([&] {
                while (!token.stop_requested()) coir::yield();
            });
            told = true;
        });
        started.wait();
        group.request_stop();
        try {
            group.wait();
        } catch (const coir::cancelled&) {} // as was asked for
        CHECK(told);
    });
}

TEST_CASE("map, for_each, all and race without a runtime throw logic_error") {
    std::vector<int> numbers{1, 2, 3};
    const auto same = [](int number) { return number; };
    CHECK_THROWS_AS(static_cast<void>(coir::map(numbers, same, 2)), std::logic_error);
    CHECK_THROWS_AS(coir::for_each(numbers, [](int) {}, 2), std::logic_error);
    CHECK_THROWS_AS(coir::all([] { return 1; }, [] { return 2; }), std::logic_error);
    CHECK_THROWS_AS(coir::race([] { return 1; }, [] { return 2; }), std::logic_error);
}
