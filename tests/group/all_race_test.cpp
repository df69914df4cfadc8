// SPDX-License-Identifier: MIT
// Covers all and race.

#include "fixture.hpp"

#include <coir/group.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <tuple>
#include <variant>

using namespace fixture;

TEST_CASE("all returns the results of all, which run concurrently") {
    for_each_runtime([] {
        const coir::chan<int> meeting;
        auto [number, text, nothing] = coir::all(
            [&] {
                CHECK(meeting.send(3)); // would wait for ever if they ran one after the other
                return 1;
            },
            [&] {
                CHECK(meeting.recv() == 3);
                return std::string{"two"};
            },
            [] {});
        static_assert(std::is_same_v<decltype(nothing), std::monostate>);
        CHECK(number == 1);
        CHECK(text == "two");
    });
}

TEST_CASE("all passes what cannot be copied, and references") {
    for_each_runtime([] {
        int target = 1;
        auto results =
            coir::all([] { return std::make_unique<int>(5); }, [&]() -> int& { return target; });
        static_assert(std::is_same_v<std::tuple_element_t<1, decltype(results)>, int&>);
        CHECK(*std::get<0>(results) == 5);
        CHECK(&std::get<1>(results) == &target);
        static_cast<void>(coir::all());
    });
}

TEST_CASE("all throws the first error, having cancelled and joined the others") {
    for_each_runtime([] {
        bool cut = false;
        const coir::chan<int> started;
        const auto sleeper = [&] {
            try {
                CHECK(started.send(1));
                coir::sleep_for(1h);
            } catch (const coir::cancelled&) {
                cut = true;
                throw;
            }
            return 1;
        };
        const auto thrower = [&]() -> int {
            CHECK(started.recv().has_value());
            throw std::runtime_error{"mine"};
        };
        CHECK_THROWS_AS(coir::all(sleeper, thrower), std::runtime_error);
        CHECK(cut);
    });
}

TEST_CASE("race returns the first success; the rest are cancelled and joined") {
    for_each_runtime([] {
        std::atomic<int> cut{0};
        const coir::chan<int> started;
        const auto slow = [&] {
            try {
                CHECK(started.send(1));
                coir::sleep_for(1h);
            } catch (const coir::cancelled&) {
                cut.fetch_add(1);
                throw;
            }
            return std::string{"slow"};
        };
        const auto failing = []() -> std::string { throw std::runtime_error{"no"}; };
        const auto fast = [&] {
            CHECK(started.recv().has_value());
            CHECK(started.recv().has_value());
            return std::string{"fast"};
        };
        CHECK(coir::race(slow, failing, fast, slow) == "fast");
        CHECK(cut.load() == 2);
        coir::yield(); // the caller is not cancelled
    });
}

TEST_CASE("race throws the first error if all fail") {
    for_each_runtime([] {
        const coir::chan<int> order;
        const auto second = [&]() -> int {
            CHECK(order.recv().has_value());
            coir::sleep_for(2ms);
            throw std::logic_error{"second"};
        };
        const auto first = [&]() -> int {
            struct telling {
                const coir::chan<int>& to;
                ~telling() { CHECK(to.send(1)); }
            };
            const telling last{order};
            throw std::runtime_error{"first"};
        };
        CHECK_THROWS_AS(coir::race(second, first), std::runtime_error);
    });
}

TEST_CASE("race of functions that return nothing, or references, or one function") {
    for_each_runtime([] {
        static_assert(std::is_same_v<decltype(coir::race([] {}, [] {})), std::monostate>);
        static_cast<void>(coir::race([] {}, [] { coir::sleep_for(1h); }));
        int target = 0;
        int& won = coir::race([&]() -> int& { return target; });
        CHECK(&won == &target);
        CHECK(*coir::race([] { return std::make_unique<int>(3); }) == 3);
    });
}

TEST_CASE("a cancelled race or all has joined its parts when it throws") {
    for_each_runtime([] {
        std::atomic<int> inside{0};
        const auto part = [&] {
            struct count {
                std::atomic<int>& of;
                ~count() {
                    coir::yield();
                    of.fetch_sub(1);
                }
            };
            inside.fetch_add(1);
            const count end{inside};
            coir::sleep_for(1h);
        };
        CHECK_THROWS_AS(coir::with_timeout(2ms, [&] { coir::race(part, part); }), coir::timed_out);
        CHECK(inside.load() == 0);
        CHECK_THROWS_AS(coir::with_timeout(2ms, [&] { coir::all(part, part); }), coir::timed_out);
        CHECK(inside.load() == 0);
    });
}
