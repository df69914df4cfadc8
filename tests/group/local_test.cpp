// SPDX-License-Identifier: MIT
// Covers local<T>.

#include "fixture.hpp"

#include <coir/chan.hpp>
#include <coir/group.hpp>
#include <coir/local.hpp>
#include <coir/sync/wait_group.hpp>
#include <coir/task.hpp>
#include <coir/time.hpp>

#include <unistd.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <utility>

using namespace fixture;

namespace {

coir::local<int> number;
coir::local<std::string> text{coir::inherit};

} // namespace

TEST_CASE("each coroutine and each thread has its own, value-initialised") {
    for_each_crew([](crew& members) {
        coir::local<tracked> own;
        for (int p = 0; p < 8; ++p)
            members.start([&, p] {
                CHECK(*number == 0);
                CHECK(own->value() == 0);
                number.set(p);
                *own = tracked{p};
                members.settle();
                CHECK(*number == p);
                CHECK(own->value() == p);
                CHECK(&*number == &*number);
                *number = 0; // OS threads of a later round may be the same
            });
        members.join();
    });
}

TEST_CASE("values end with their coroutine, before it can be joined") {
    for_each_runtime([] {
        coir::local<tracked> own;
        const long live = tracked::live.load();
        auto task = coir::go([&] {
            own.set(tracked{1});
            return tracked::live.load();
        });
        CHECK(task.join() > live);
        CHECK(tracked::live.load() == live);
    });
}

TEST_CASE("an inherited value is copied to children when they are started") {
    for_each_runtime([] {
        text.set("parent");
        *number = 5;
        coir::task_group group;
        auto task = coir::go([] {
            CHECK(*text == "parent");
            CHECK(*number == 0);
            text.set("child");
            auto grandchild = coir::go([] { return *text; });
            CHECK(grandchild.join() == "child");
        });
        text.set("changed");
        group.go([] { CHECK(*text == "changed"); });
        task.join();
        group.wait();
        CHECK(*text == "changed");
        text.set("");
        *number = 0;
    });
}

TEST_CASE("a child that never runs drops its copies") {
    coir::run(with_workers(1), [] {
        coir::local<tracked> inherited{coir::inherit};
        inherited.set(tracked{3});
        const long live = tracked::live.load();
        auto task = coir::go([] {});
        CHECK(tracked::live.load() == live + 1);
        task.request_stop();
        CHECK_THROWS_AS(task.join(), coir::task_cancelled);
        CHECK(tracked::live.load() == live);
    });
}

TEST_CASE("a local that is gone leaves nothing to the one that takes its place") {
    for_each_runtime([] {
        for (int i = 0; i < 100; ++i) {
            const coir::local<int> fresh;
            CHECK(*fresh == 0);
            *fresh = i + 1;
            const coir::local<std::string> other;
            CHECK(other->empty());
            other.set("used");
        }
    });
}

TEST_CASE("destructors of values may wait and use locals") {
    for_each_runtime([] {
        struct curious {
            ~curious() {
                coir::yield();
                *number = 9;
                text.set("late");
            }
        };
        static coir::local<std::optional<curious>> last;
        auto task = coir::go([] { last->emplace(); });
        task.join();
        CHECK(*number == 0);
    });
}

namespace {

/// Uses the caller's local when it ends.
struct marker {
    marker() = default;
    marker(marker&& other) noexcept : live{std::exchange(other.live, false)} {}
    ~marker() {
        if (live) number.set(7);
    }
    bool live = true;
};

void check_that_new_coroutines_find_nothing() {
    for (int i = 0; i < 4; ++i) {
        coir::go([] { CHECK(*number == 0); }).join();
    }
}

} // namespace

TEST_CASE("locals used by a result that nobody takes reach nobody") {
    for_each_runtime([] {
        coir::task_group members;
        members.go([] { return marker{}; });
        members.wait();
        check_that_new_coroutines_find_nothing();
        coir::wait_group counted;
        counted.go([] { return marker{}; });
        counted.wait();
        check_that_new_coroutines_find_nothing();
        coir::go([] { return marker{}; });
        coir::sleep_for(1ms);
        check_that_new_coroutines_find_nothing();
    });
}

TEST_CASE("locals used by what a failing member stops end with it") {
    for_each_runtime([] {
        coir::local<tracked> own;
        const long live = tracked::live.load();
        coir::task_group group;
        coir::chan<int> ready;
        group.go([&] {
            const std::stop_callback stopped{coir::this_task::stop_token(), [&] {
                                                 own.set(tracked{1});
                                                 number.set(7);
                                             }};
            ready.close();
            coir::sleep_for(1h);
        });
        static_cast<void>(ready.recv());
        group.go([] { throw std::runtime_error{"on purpose"}; });
        CHECK_THROWS_AS(group.wait(), std::runtime_error);
        CHECK(tracked::live.load() == live);
        check_that_new_coroutines_find_nothing();
    });
}

TEST_CASE("locals used by the handler of unhandled exceptions reach nobody") {
    coir::runtime_options options{.workers = 1};
    options.on_unhandled_exception = [](std::exception_ptr, const coir::task_info&) {
        number.set(7);
    };
    coir::run(options, [] {
        coir::go([] { throw std::runtime_error{"on purpose"}; });
        coir::yield();
        check_that_new_coroutines_find_nothing();
    });
}

TEST_CASE("a coroutine keeps its values when it changes threads") {
    if (workers_are_imposed()) return; // it takes several
    coir::run(with_workers(4), [] {
        for (int i = 0; i < 10; ++i) {
            auto task = coir::go([i] {
                *number = i;
                CHECK(move_to_another_thread());
                CHECK(*number == i);
            });
            task.join();
        }
    });
}
