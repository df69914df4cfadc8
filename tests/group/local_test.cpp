// SPDX-License-Identifier: MIT
// Covers local<T>.

#include "fixture.hpp"

#include <coir/group.hpp>
#include <coir/local.hpp>

#include <unistd.h>

#include <memory>
#include <optional>
#include <string>

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
