// SPDX-License-Identifier: MIT
// Covers the C++ runtime's per-thread exception state, which must follow the coroutine.

#include "fixture.hpp"

#include <exception>
#include <set>
#include <stdexcept>
#include <string>

using namespace fixture;

namespace {

std::string current_text() {
    try {
        throw; // only ever called inside a handler
    } catch (const std::exception& error) {
        return error.what();
    } catch (int number) {
        return std::to_string(number);
    }
}

/// Throws and catches, yielding inside the handler, nested twice.
void throw_and_catch(const std::string& text, int rounds) {
    for (int i = 0; i < rounds; ++i) {
        try {
            throw std::runtime_error(text);
        } catch (const std::runtime_error& outer) {
            coir::yield();
            CHECK(std::uncaught_exceptions() == 0);
            CHECK(current_text() == text);
            try {
                throw i;
            } catch (int inner) {
                coir::yield();
                CHECK(inner == i);
                CHECK(current_text() == std::to_string(i));
            }
            coir::yield();
            CHECK(current_text() == text);
            CHECK(outer.what() == text);
        }
        CHECK(std::current_exception() == nullptr);
    }
}

// Mostly: who runs on another thread wakes the caller, so that it goes on there.
void go_on_elsewhere() {
    std::atomic<int> running{0};
    const auto run_both_at_once = [&running] {
        ++running;
        while (running != 2) std::this_thread::yield();
    };
    const coir::chan<int> wake;
    auto other = coir::go([&] {
        run_both_at_once();
        std::this_thread::sleep_for(100us); // until the caller waits
        CHECK(wake.send(1));
    });
    run_both_at_once();
    CHECK(wake.recv() == 1);
    other.join();
}

} // namespace

TEST_CASE("a coroutine parked inside catch keeps its exception while others throw and catch") {
    for_each_runtime([] {
        const coir::chan<int> go_on;
        auto parked = coir::go([go_on] {
            try {
                throw std::runtime_error("mine");
            } catch (const std::runtime_error& error) {
                CHECK(go_on.recv().has_value());
                CHECK(std::string(error.what()) == "mine");
                CHECK(current_text() == "mine");
            }
            CHECK(std::current_exception() == nullptr);
        });
        CHECK(std::current_exception() == nullptr);
        std::vector<coir::task<void>> others;
        for (int i = 0; i < 8; ++i)
            others.push_back(coir::go([i] { throw_and_catch("other " + std::to_string(i), 20); }));
        for (auto& other : others) other.join();
        CHECK(go_on.send(1));
        parked.join();
    });
}

TEST_CASE("a new coroutine started inside catch has no current exception") {
    for_each_runtime([] {
        try {
            throw std::runtime_error("outside");
        } catch (const std::runtime_error&) {
            auto t = coir::go([] {
                CHECK(std::current_exception() == nullptr);
                CHECK(std::uncaught_exceptions() == 0);
                throw_and_catch("inside", 3);
            });
            t.join();
            CHECK(current_text() == "outside");
        }
    });
}

TEST_CASE("the exception follows its coroutine to another worker" *
          doctest::skip(workers_are_imposed())) {
    coir::run(with_workers(4), [] {
        std::set<std::thread::id> threads;
        auto wanderer = coir::go([&] {
            try {
                throw std::runtime_error("travelling");
            } catch (const std::runtime_error&) {
                const auto give_up = coir::clock::now() + 10s;
                while (threads.size() < 2 && coir::clock::now() < give_up) {
                    threads.insert(std::this_thread::get_id());
                    go_on_elsewhere();
                    CHECK(current_text() == "travelling");
                    CHECK(std::uncaught_exceptions() == 0);
                }
            }
            CHECK(std::current_exception() == nullptr);
        });
        wanderer.join();
        CHECK(threads.size() >= 2);
    });
}

TEST_CASE("a coroutine that parks while its stack unwinds counts its own uncaught exceptions") {
    for_each_runtime([] {
        struct parks {
            const coir::chan<int>& ch;
            ~parks() {
                CHECK(std::uncaught_exceptions() == 1);
                CHECK(ch.recv().has_value());
                CHECK(std::uncaught_exceptions() == 1);
                try {
                    throw 1;
                } catch (int) {
                    coir::yield();
                }
                CHECK(std::uncaught_exceptions() == 1);
            }
        };
        const coir::chan<int> ch;
        auto unwinding = coir::go([&ch] {
            const parks last{ch};
            throw std::runtime_error("through a park");
        });
        for (int i = 0; i < 20; ++i) coir::yield();
        CHECK(std::uncaught_exceptions() == 0);
        throw_and_catch("meanwhile", 5);
        CHECK(ch.send(1));
        CHECK_THROWS_AS(unwinding.join(), std::runtime_error);
        CHECK(std::uncaught_exceptions() == 0);
    });
}

TEST_CASE("rethrowing inside catch after a park throws the right exception") {
    for_each_runtime([] {
        std::vector<coir::task<int>> tasks;
        for (int i = 0; i < 20; ++i)
            tasks.push_back(coir::go([i]() -> int {
                try {
                    try {
                        throw i;
                    } catch (int) {
                        coir::sleep_for(std::chrono::microseconds(100 * (20 - i)));
                        throw;
                    }
                } catch (int number) {
                    return number;
                }
            }));
        for (int i = 0; i < 20; ++i) CHECK(tasks[static_cast<std::size_t>(i)].join() == i);
    });
}

TEST_CASE("exception_ptrs travel between coroutines") {
    for_each_runtime([] {
        const coir::chan<std::exception_ptr> ch(1);
        coir::go([ch] {
            try {
                throw std::runtime_error("travels");
            } catch (...) {
                CHECK(ch.send(std::current_exception()));
            }
        });
        const std::exception_ptr received = ch.recv().value();
        try {
            std::rethrow_exception(received);
        } catch (const std::runtime_error&) {
            coir::yield();
            CHECK(current_text() == "travels");
        }
    });
}
