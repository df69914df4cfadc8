// SPDX-License-Identifier: MIT
// Covers map and for_each.

#include "fixture.hpp"

#include <coir/group.hpp>

#include <list>
#include <memory>
#include <numeric>
#include <ranges>
#include <stdexcept>
#include <string>

using namespace fixture;

TEST_CASE("map returns the results in order, whatever order they come in") {
    for_each_runtime([] {
        std::vector<int> numbers(200);
        std::iota(numbers.begin(), numbers.end(), 0);
        for (const std::size_t limit : {0U, 1U, 7U, 1000U}) {
            const auto squares = coir::map(
                numbers,
                [](int n) {
                    for (int i = 0; i < n % 5; ++i) coir::yield();
                    return n * n;
                },
                limit);
            CHECK(squares.size() == numbers.size());
            for (std::size_t i = 0; i < squares.size(); ++i)
                CHECK(squares[i] == static_cast<int>(i * i));
        }
    });
}

TEST_CASE("no more calls run at once than the limit says") {
    for_each_runtime([](int workers) {
        std::atomic<int> alive{0};
        std::atomic<int> most{0};
        coir::for_each(
            std::views::iota(0, 100),
            [&](int) {
                const int now = alive.fetch_add(1) + 1;
                CHECK(now <= 4);
                if (now > most.load()) most.store(now);
                coir::yield();
                alive.fetch_sub(1);
            },
            4);
        if (workers == 1) CHECK(most.load() == 4);
    });
}

TEST_CASE("elements are passed by reference") {
    for_each_runtime([] {
        std::list<move_only> elements;
        for (int i = 0; i < 10; ++i) elements.emplace_back(i);
        coir::for_each(elements, [](move_only& element) { element = move_only{7}; });
        for (const auto& element : elements) CHECK(element == 7);
        const auto addresses = coir::map(elements, [](move_only& element) { return &element; });
        std::size_t i = 0;
        for (auto& element : elements) CHECK(addresses[i++] == &element);
        const std::vector<std::string> words{"a", "bb"};
        CHECK(coir::map(words, &std::string::size, 1) == std::vector<std::size_t>{1, 2});
    });
}

TEST_CASE("results need neither a default nor a copy") {
    for_each_runtime([] {
        auto owners =
            coir::map(std::vector{1, 2, 3}, [](int n) { return std::make_unique<int>(n); });
        CHECK(*owners[2] == 3);
        const auto tracked_ones =
            coir::map(std::vector{1, 2, 3}, [](int n) { return move_only{n}; });
        CHECK(tracked_ones[1] == 2);
        const std::vector<bool> bits =
            coir::map(std::vector{1, 2, 3}, [](int n) { return n == 2; });
        CHECK(bits == std::vector<bool>{false, true, false});
    });
}

TEST_CASE("an empty range gives nothing and starts nothing") {
    CHECK(coir::map(std::vector<int>{}, [](int n) { return n; }).empty()); // without a runtime
    coir::for_each(std::vector<int>{}, [](int) { CHECK(false); });
}

TEST_CASE("the first exception cancels the other calls, begins no more, and is rethrown") {
    for_each_runtime([] {
        std::atomic<int> begun{0};
        std::atomic<int> cut{0};
        const auto call = [&](int n) {
            begun.fetch_add(1);
            if (n == 3) {
                while (begun.load() < 4) coir::yield();
                throw std::runtime_error{"three"};
            }
            try {
                coir::sleep_for(1h);
            } catch (const coir::cancelled&) {
                cut.fetch_add(1);
                throw;
            }
            return n;
        };
        CHECK_THROWS_AS(coir::map(std::views::iota(0, 1000), call, 4), std::runtime_error);
        CHECK(begun.load() == 4);
        CHECK(cut.load() == 3);
    });
}

TEST_CASE("a cancelled map has joined its calls when it throws") {
    for_each_runtime([] {
        std::atomic<int> inside{0};
        CHECK_THROWS_AS(coir::with_timeout(2ms,
                                           [&] {
                                               coir::for_each(std::views::iota(0, 20), [&](int) {
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
                                               });
                                           }),
                        coir::timed_out);
        CHECK(inside.load() == 0);
    });
}
