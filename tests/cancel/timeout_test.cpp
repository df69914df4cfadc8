// SPDX-License-Identifier: MIT
// Covers with_timeout and with_deadline.

#include "fixture.hpp"

#include <memory>
#include <optional>
#include <stdexcept>
#include <system_error>

using namespace fixture;

static_assert(std::is_base_of_v<std::system_error, coir::timed_out>);

TEST_CASE("with_timeout returns what the body returns") {
    for_each_runtime([] {
        CHECK(coir::with_timeout(1h, [] { return 5; }) == 5);
        CHECK(*coir::with_timeout(1h, [] { return std::make_unique<int>(6); }) == 6);
        int target = 0;
        static_assert(std::is_void_v<decltype(coir::with_timeout(1h, [] {}))>);
        coir::with_timeout(1h, [&] { target = 7; });
        CHECK(target == 7);
        CHECK(coir::with_deadline(coir::clock::now() + 1h, [] { return 8; }) == 8);
    });
}

TEST_CASE("with_timeout passes the body's exceptions on") {
    for_each_runtime([] {
        CHECK_THROWS_AS(coir::with_timeout(1h, [] { throw std::runtime_error("mine"); }),
                        std::runtime_error);
    });
}

TEST_CASE("with_timeout throws timed_out when the limit cut the body short") {
    for_each_runtime([] {
        const coir::chan<int> never;
        const auto start = coir::clock::now();
        try {
            static_cast<void>(coir::with_timeout(3ms, [&] { return never.recv(); }));
            CHECK(false);
        } catch (const coir::timed_out& error) {
            CHECK(error.code() == std::errc::timed_out);
        }
        CHECK(coir::clock::now() - start >= 3ms);
        CHECK_THROWS_AS(coir::with_deadline(coir::clock::now() + 2ms, [] { coir::sleep_for(1h); }),
                        coir::timed_out);
    });
}

TEST_CASE("after a timeout the coroutine is as before: it may wait again") {
    for_each_runtime([] {
        for (int i = 0; i < 5; ++i)
            CHECK_THROWS_AS(coir::with_timeout(1ms, [] { coir::sleep_for(1h); }), coir::timed_out);
        coir::yield();
        coir::sleep_for(1ms);
        const coir::chan<int> ch;
        auto sender = coir::go([ch] { CHECK(ch.send(1)); });
        CHECK(ch.recv() == 1);
        sender.join();
    });
}

TEST_CASE("a body that returns late still returns its value") {
    for_each_runtime([] {
        CHECK(coir::with_timeout(1ms, [] {
                  const auto end = coir::clock::now() + 5ms;
                  while (coir::clock::now() < end) {}
                  return 9;
              }) == 9);
    });
}

TEST_CASE("a body that swallows the cut still returns its value") {
    for_each_runtime([] {
        CHECK(coir::with_timeout(1ms, [] {
                  try {
                      coir::sleep_for(1h);
                  } catch (const coir::cancelled&) {
                      return 10;
                  }
                  return 0;
              }) == 10);
    });
}

TEST_CASE("with a limit already past the body runs to its first wait") {
    for_each_runtime([] {
        for (const auto limit : {coir::clock::duration(0ms), coir::clock::duration(-1h)}) {
            bool began = false;
            bool went_on = false;
            CHECK_THROWS_AS(coir::with_timeout(limit,
                                               [&] {
                                                   began = true;
                                                   coir::sleep_for(1h);
                                                   went_on = true;
                                               }),
                            coir::timed_out);
            CHECK(began);
            CHECK(!went_on);
        }
        CHECK(coir::with_deadline(coir::clock::now() - 1h, [] { return 3; }) == 3);
    });
}

TEST_CASE("of nested limits the one that struck throws timed_out, at its own call") {
    for_each_runtime([] {
        // The inner limit strikes: the outer body catches it and goes on.
        CHECK(coir::with_timeout(1h, [] {
                  try {
                      coir::with_timeout(1ms, [] { coir::sleep_for(1h); });
                  } catch (const coir::timed_out&) {
                      coir::sleep_for(1ms);
                      return 1;
                  }
                  return 0;
              }) == 1);
        // The outer limit strikes: the inner call is left by `cancelled`, not by its own timeout.
        bool passed_inner = false;
        bool inner_timed_out = false;
        CHECK_THROWS_AS(coir::with_timeout(2ms,
                                           [&] {
                                               try {
                                                   coir::with_timeout(1h,
                                                                      [] { coir::sleep_for(1h); });
                                               } catch (const coir::timed_out&) {
                                                   inner_timed_out = true;
                                               } catch (const coir::cancelled&) {
                                                   passed_inner = true;
                                                   throw;
                                               }
                                           }),
                        coir::timed_out);
        CHECK(passed_inner);
        CHECK(!inner_timed_out);
    });
}

TEST_CASE("a task's cancellation passes through a timeout that did not strike") {
    for_each_runtime([] {
        const coir::chan<int> started;
        bool timed_out = false;
        auto task = coir::go([&] {
            try {
                coir::with_timeout(1h, [&] {
                    CHECK(started.send(1));
                    coir::sleep_for(1h);
                });
            } catch (const coir::timed_out&) {
                timed_out = true;
            }
        });
        CHECK(started.recv().has_value());
        task.request_stop();
        CHECK_THROWS_AS(task.join(), coir::task_cancelled);
        CHECK(!timed_out);
    });
}

TEST_CASE("with_timeout(duration::max()) sets no limit") {
    for_each_runtime([] {
        CHECK(coir::with_timeout(coir::clock::duration::max(), [] {
                  coir::sleep_for(1ms);
                  return 1;
              }) == 1);
        CHECK(coir::with_timeout(std::chrono::hours::max(), [] {
                  coir::sleep_for(1ms);
                  return 2;
              }) == 2);
    });
}

TEST_CASE("the stop token inside is that of the innermost scope") {
    for_each_runtime([] {
        const auto outside = coir::this_task::stop_token();
        CHECK_THROWS_AS(coir::with_timeout(1ms,
                                           [&] {
                                               const auto inside = coir::this_task::stop_token();
                                               CHECK(!inside.stop_requested());
                                               try {
                                                   coir::sleep_for(1h);
                                               } catch (const coir::cancelled&) {
                                                   CHECK(inside.stop_requested());
                                                   CHECK(!outside.stop_requested());
                                                   throw;
                                               }
                                           }),
                        coir::timed_out);
        CHECK(!coir::this_task::stop_token().stop_requested());
    });
}

TEST_CASE("a value and a limit race: the value is received or still there") {
    for_each_runtime([] {
        const coir::chan<int> ch;
        const int count = scaled(200);
        auto sender = coir::go([&] {
            for (int i = 0; i < count; ++i) CHECK(ch.send(i));
        });
        for (int i = 0; i < count; ++i) {
            std::optional<int> value;
            while (!value) {
                try {
                    value = coir::with_timeout(std::chrono::microseconds(i % 40),
                                               [&] { return ch.recv(); });
                } catch (const coir::timed_out&) {}
            }
            CHECK(value == i);
        }
        sender.join();
    });
}
