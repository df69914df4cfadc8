// SPDX-License-Identifier: MIT
// Covers go and task: arguments, results, join, and what a task tells about itself.

#include "fixture.hpp"

#include <functional>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>

using namespace fixture;

static_assert(std::is_nothrow_move_constructible_v<coir::task<int>>);
static_assert(std::is_nothrow_move_assignable_v<coir::task<int>>);
static_assert(!std::is_copy_constructible_v<coir::task<int>>);

namespace {

int add(int left, int right) { return left + right; }

struct account {
    int balance = 0;
    int deposit(int amount) { return balance += amount; }
};

} // namespace

TEST_CASE("join gives the result") {
    for_each_runtime([] {
        coir::task<int> t = coir::go([] { return 42; });
        CHECK(t.join() == 42);
        coir::task<void> nothing = coir::go([] {});
        nothing.join();
        coir::task<std::string> text = coir::go([] { return std::string("text"); });
        CHECK(text.join() == "text");
    });
}

TEST_CASE("join of a task that has long finished gives the result, too") {
    for_each_runtime([] {
        auto t = coir::go([] { return 1; });
        while (!t.done()) coir::yield();
        CHECK(t.join() == 1);
    });
}

TEST_CASE("a result may be a reference") {
    for_each_runtime([] {
        int target = 1;
        coir::task<int&> t = coir::go([&]() -> int& { return target; });
        int& result = t.join();
        CHECK(&result == &target);
        coir::task<const int&> t2 = coir::go([&]() -> const int& { return target; });
        CHECK(&t2.join() == &target);
    });
}

TEST_CASE("a result that can only be moved, or not be made by default, is handed over") {
    for_each_runtime([] {
        struct no_default {
            explicit no_default(int v) : value(v) {}
            int value;
        };
        CHECK(*coir::go([] { return std::make_unique<int>(5); }).join() == 5);
        CHECK(coir::go([] { return no_default(6); }).join().value == 6);
        const long before = tracked::copies.load();
        CHECK(coir::go([] { return tracked{7}; }).join() == 7);
        CHECK(tracked::copies.load() == before);
    });
}

TEST_CASE("arguments are passed on, to functions, members and function objects") {
    for_each_runtime([] {
        CHECK(coir::go(add, 2, 3).join() == 5);
        account mine;
        CHECK(coir::go(&account::deposit, &mine, 10).join() == 10);
        CHECK(coir::go(std::plus<>{}, 1, 2).join() == 3);
        CHECK(coir::go([](auto... numbers) { return (numbers + ...); }, 1, 2, 3, 4).join() == 10);
    });
}

TEST_CASE("arguments are decay-copied where go is called") {
    for_each_runtime([] {
        std::string text = "before";
        const char array[] = "array";
        auto t = coir::go([](std::string copy, const char* decayed) { return copy + decayed; },
                          text, array);
        auto by_const_reference = coir::go(
            [original = &text](const std::string& copy) { return &copy != original; }, text);
        text = "after";
        CHECK(t.join() == "beforearray");
        CHECK(by_const_reference.join());
        static_assert(std::is_invocable_v<decltype([](std::string&&) {}), std::string>);
        CHECK(coir::go([](std::string&& mine) { return mine.size(); }, text).join() == 5);
    });
}

TEST_CASE("arguments that can only be moved are moved in, std::ref passes a reference") {
    for_each_runtime([] {
        auto owned = std::make_unique<int>(8);
        auto t = coir::go([](std::unique_ptr<int> p) { return *p; }, std::move(owned));
        CHECK(!owned);
        CHECK(t.join() == 8);
        int counter = 0;
        coir::go([](int& c) { ++c; }, std::ref(counter)).join();
        CHECK(counter == 1);
        CHECK(*coir::go([own = std::make_unique<int>(9)]() mutable {
                   return std::move(own);
               }).join() == 9);
    });
}

TEST_CASE("the callable and its arguments are gone when join returns") {
    for_each_runtime([] {
        const long before = tracked::live.load();
        for (int i = 0; i < 100; ++i) {
            coir::go([own = tracked{1}](const tracked&) {}, tracked{2}).join();
            CHECK(tracked::live.load() == before);
        }
    });
}

TEST_CASE("join rethrows the task's exception, the same object") {
    for_each_runtime([] {
        auto t = coir::go([]() -> int { throw std::runtime_error("from the task"); });
        try {
            t.join();
            CHECK(false);
        } catch (const std::runtime_error& error) {
            CHECK(std::string(error.what()) == "from the task");
        }
        auto odd = coir::go([] { throw 42; });
        CHECK_THROWS_AS(odd.join(), int);
    });
}

TEST_CASE("a second join, and one on a nil task, throw logic_error") {
    for_each_runtime([] {
        auto t = coir::go([] { return 1; });
        CHECK(t.join() == 1);
        CHECK_THROWS_AS(t.join(), std::logic_error);
        auto failing = coir::go([] { throw std::runtime_error("once"); });
        CHECK_THROWS_AS(failing.join(), std::runtime_error);
        CHECK_THROWS_AS(failing.join(), std::logic_error);
        coir::task<int> nil;
        CHECK_THROWS_AS(nil.join(), std::logic_error);
        auto source = coir::go([] { return 2; });
        auto moved = std::move(source);
        CHECK_THROWS_AS(source.join(), std::logic_error);
        CHECK(moved.join() == 2);
    });
}

TEST_CASE("join makes everything the task did visible") {
    for_each_runtime([] {
        for (int i = 0; i < 1'000; ++i) {
            int plain = 0;
            auto t = coir::go([&] { plain = i; });
            t.join();
            CHECK(plain == i);
        }
    });
}

TEST_CASE("go makes everything that was done before it visible to the task") {
    for_each_runtime([] {
        for (int i = 0; i < 1'000; ++i) {
            int plain = i;
            coir::go([&] { CHECK(plain == i); }).join();
        }
    });
}

TEST_CASE("done tells whether the task has finished") {
    for_each_runtime([] {
        const coir::chan<int> end;
        auto t = coir::go([end] { CHECK(end.recv().has_value()); });
        CHECK(!t.done());
        CHECK(end.send(1));
        while (!t.done()) coir::yield();
        t.join();
    });
}

TEST_CASE("ids are unique, and the task sees its own") {
    for_each_runtime([] {
        std::set<decltype(coir::this_task::id())> ids{coir::this_task::id()};
        for (int i = 0; i < 1'000; ++i) {
            auto t = coir::go([] { return coir::this_task::id(); });
            const auto id = t.id();
            CHECK(t.join() == id);
            ids.insert(id);
        }
        CHECK(ids.size() == 1'001);
    });
}

TEST_CASE("a task may have a name and a stack of its own") {
    for_each_runtime([] {
        auto named =
            coir::go({.name = "fetcher"}, [] { return std::string(coir::this_task::name()); });
        CHECK(named.join() == "fetcher");
        auto with_arguments = coir::go({.name = "adder", .stack_size = 1 << 20}, add, 1, 2);
        CHECK(with_arguments.join() == 3);
        auto deep = coir::go({.stack_size = 8 << 20}, [] {
            // Would overrun the default stack five times.
            volatile char filled[3 << 20];
            for (std::size_t i = 0; i < sizeof filled; i += 4'096) filled[i] = 1;
            return filled[4'096] + filled[0];
        });
        CHECK(deep.join() == 2);
        static_cast<void>(coir::go([] { return std::string(coir::this_task::name()); }).join());
    });
}

TEST_CASE("yield lets the others run") {
    const leak_check leaks;
    coir::run(with_workers(1), [] {
        std::vector<int> order;
        auto first = coir::go([&] {
            for (int i = 0; i < 3; ++i) {
                order.push_back(1);
                coir::yield();
            }
        });
        auto second = coir::go([&] {
            for (int i = 0; i < 3; ++i) {
                order.push_back(2);
                coir::yield();
            }
        });
        first.join();
        second.join();
        int changes = 0;
        for (std::size_t i = 1; i < order.size(); ++i) changes += order[i] != order[i - 1];
        CHECK(order.size() == 6);
        CHECK(changes == 5);
    });
}

TEST_CASE("tasks start tasks, deep and wide") {
    for_each_runtime([] {
        const std::function<int(int)> tree = [&](int depth) {
            if (depth == 0) return 1;
            auto left = coir::go(tree, depth - 1);
            auto right = coir::go(tree, depth - 1);
            return left.join() + right.join();
        };
        CHECK(tree(10) == 1'024);
    });
}

TEST_CASE("tens of thousands of tasks live at once") {
    for_each_runtime([] {
        const int count = scaled(20'000);
        const coir::chan<int> end;
        std::vector<coir::task<int>> tasks;
        for (int i = 0; i < count; ++i)
            tasks.push_back(coir::go([end, i] {
                static_cast<void>(end.recv());
                return i;
            }));
        end.close();
        int right = 0;
        for (int i = 0; i < count; ++i) right += tasks[static_cast<std::size_t>(i)].join() == i;
        CHECK(right == count);
    });
}

TEST_CASE("a task is waited for in select, and joined afterwards") {
    for_each_runtime([] {
        const coir::chan<int> end;
        auto t = coir::go([end] { return end.recv().value(); });
        CHECK(coir::select(t.on_done(), coir::on_timeout(1ms)) == 1);
        CHECK(coir::select(t.on_done(), coir::otherwise()) == 1);
        CHECK(end.send(3));
        bool told = false;
        CHECK(coir::select(end.on_recv(), t.on_done([&] { told = true; })) == 1);
        CHECK(told);
        CHECK(t.done());
        CHECK(coir::select(t.on_done(), coir::otherwise()) == 0);
        CHECK(t.join() == 3);
        // It has ended all the same; a handle that never had a task waits for ever.
        CHECK(coir::select(t.on_done(), coir::on_timeout(1h)) == 0);
        CHECK(coir::select(coir::task<int>{}.on_done(), coir::otherwise()) == 1);
    });
}
