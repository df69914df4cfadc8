// SPDX-License-Identifier: MIT
// Covers the forms of handlers and what they are told.

#include "fixture.hpp"

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

using namespace fixture;

TEST_CASE("a receive handler gets the value, or nothing from a closed channel") {
    for_each_crew([](crew&) {
        const coir::chan<int> ch(1);
        CHECK(ch.send(4));
        std::optional<int> seen;
        const auto keep = [&](std::optional<int> value) { seen = value; };
        CHECK(coir::select(ch.on_recv(keep)) == 0);
        CHECK(seen == 4);
        ch.close();
        CHECK(coir::select(ch.on_recv(keep)) == 0);
        CHECK(!seen);
    });
}

TEST_CASE("a send handler is told whether the value was sent") {
    for_each_crew([](crew&) {
        const coir::chan<int> ch(1);
        std::vector<bool> told;
        const auto keep = [&](bool sent) { told.push_back(sent); };
        coir::select(ch.on_send(1, keep));
        ch.close();
        coir::select(ch.on_send(2, keep));
        CHECK(told == std::vector{true, false});
    });
}

TEST_CASE("a closed channel that refuses a select's value leaves it untouched") {
    for_each_crew([](crew&) {
        const coir::chan<move_only> ch(1);
        ch.close();
        move_only value{4};
        bool told = true;
        coir::select(ch.on_send(std::move(value), [&](bool sent) { told = sent; }));
        CHECK(!told);
        CHECK(value == 4);
    });
}

TEST_CASE("handlers may be generic") {
    for_each_crew([](crew&) {
        const coir::chan<std::string> ch(1);
        std::string seen;
        bool was_sent = false;
        coir::select(ch.on_send("text", [&](auto sent) { was_sent = sent; }));
        coir::select(ch.on_recv([&](auto value) { seen = *value; }));
        CHECK(was_sent);
        CHECK(seen == "text");
        ch.close();
        coir::select(ch.on_recv([&](auto&& value) { CHECK(!value); }));
        coir::select(ch.on_recv([&](const auto& value) { CHECK(!value.has_value()); }));
    });
}

TEST_CASE("handlers receive values that can only be moved, and may keep them") {
    for_each_crew([](crew&) {
        const coir::chan<std::unique_ptr<int>> ch(1);
        CHECK(ch.send(std::make_unique<int>(7)));
        std::unique_ptr<int> kept;
        coir::select(ch.on_recv(
            [&](std::optional<std::unique_ptr<int>> value) { kept = std::move(*value); }));
        CHECK(*kept == 7);
    });
}

TEST_CASE("a handler may itself be movable only, and mutable") {
    for_each_crew([](crew&) {
        const coir::chan<int> ch(1);
        CHECK(ch.send(1));
        int result = 0;
        coir::select(ch.on_recv(
            [&, own = std::make_unique<int>(41), calls = 0](std::optional<int> value) mutable {
                ++calls;
                result = *own + *value + calls - 1;
            }));
        CHECK(result == 42);
    });
}

TEST_CASE("a send handler may take no argument") {
    for_each_crew([](crew&) {
        const coir::chan<int> ch(1);
        int calls = 0;
        CHECK(coir::select(ch.on_send(1, [&] { ++calls; })) == 0);
        CHECK(calls == 1);
    });
}

TEST_CASE("a send case that cannot learn of closure throws channel_closed on a closed channel") {
    static_assert(std::is_base_of_v<std::exception, coir::channel_closed>);
    for_each_crew([](crew& members) {
        const coir::chan<int> ch(1);
        ch.close();
        int calls = 0;
        CHECK_THROWS_AS(coir::select(ch.on_send(1)), coir::channel_closed);
        CHECK_THROWS_AS(coir::select(ch.on_send(1, [&] { ++calls; })), coir::channel_closed);
        CHECK_THROWS_AS(coir::select_biased(ch.on_send(1), coir::otherwise()),
                        coir::channel_closed);
        CHECK(calls == 0);
        // Also where the channel closes while select waits.
        const coir::chan<int> closing;
        members.start(
            [closing] { CHECK_THROWS_AS(coir::select(closing.on_send(1)), coir::channel_closed); });
        members.settle();
        closing.close();
        members.join();
    });
}

TEST_CASE("the handler runs after the commit, before select returns, in the selecting coroutine") {
    for_each_runtime([] {
        const coir::chan<int> ch(1);
        CHECK(ch.send(1));
        const auto me = coir::this_task::id();
        bool ran = false;
        coir::select(ch.on_recv([&](std::optional<int>) {
            CHECK(coir::this_task::id() == me);
            CHECK(ch.size() == 0);
            ran = true;
        }));
        CHECK(ran);
    });
}

TEST_CASE("an exception from a handler leaves select; the operation has happened") {
    for_each_crew([](crew&) {
        const coir::chan<int> ch(2);
        CHECK(ch.send(1));
        CHECK_THROWS_AS(
            coir::select(ch.on_recv([](std::optional<int>) { throw std::runtime_error("mine"); })),
            std::runtime_error);
        CHECK(ch.size() == 0);
        CHECK_THROWS_AS(coir::select(ch.on_send(2, [](bool) { throw std::runtime_error("mine"); })),
                        std::runtime_error);
        CHECK(ch.recv() == 2);
    });
}

TEST_CASE("only the handler of the committed case runs") {
    for_each_crew([](crew& members) {
        const coir::chan<int> a;
        const coir::chan<int> b;
        members.start([a, b] {
            for (int i = 0; i < 100; ++i) CHECK((i % 2 ? a : b).send(i));
        });
        int calls = 0;
        for (int i = 0; i < 100; ++i) {
            int which = -1;
            const std::size_t index = coir::select(a.on_recv([&](auto) {
                which = 0;
                ++calls;
            }),
                                                   b.on_recv([&](auto) {
                                                       which = 1;
                                                       ++calls;
                                                   }),
                                                   coir::on_timeout(1h, [&] { ++calls; }));
            CHECK(static_cast<int>(index) == which);
        }
        CHECK(calls == 100);
    });
}

TEST_CASE("a handler may wait, and may close the channel it was called for") {
    for_each_crew([](crew& members) {
        const coir::chan<int> ch;
        const coir::chan<int> reply;
        members.start([ch, reply] {
            CHECK(ch.send(20));
            CHECK(reply.recv() == 21);
            CHECK(!ch.send(0));
        });
        coir::select(ch.on_recv([&](std::optional<int> value) {
            ch.close();
            CHECK(reply.send(*value + 1));
        }));
    });
}
