// SPDX-License-Identifier: MIT
// Covers select: which case commits, what it returns, and how values travel.

#include "fixture.hpp"

#include <memory>
#include <optional>
#include <string>

using namespace fixture;
using coir::channel_status;

TEST_CASE("select commits the ready case and returns its index") {
    for_each_crew([](crew&) {
        for (const std::size_t capacity : buffered) {
            const auto empty = make_chan<int>(capacity);
            const auto filled = make_chan<int>(capacity);
            CHECK(filled.send(5));
            std::optional<int> value;
            CHECK(coir::select(empty.on_recv(value), filled.on_recv(value)) == 1);
            CHECK(value == 5);
            CHECK(coir::select(empty.on_send(6), filled.on_recv(value)) == 0);
            CHECK(empty.recv() == 6);
        }
    });
}

TEST_CASE("the index type is size_t") {
    static_assert(std::is_same_v<decltype(coir::select(coir::otherwise())), std::size_t>);
    static_assert(std::is_same_v<decltype(coir::select_biased(coir::otherwise())), std::size_t>);
}

TEST_CASE("select waits until there is something to receive") {
    for_each_chan<int>([](crew& members, coir::chan<int> ch) {
        const coir::chan<int> never;
        members.start([ch, never] {
            std::optional<int> value;
            CHECK(coir::select(never.on_recv(value), ch.on_recv(value)) == 1);
            CHECK(value == 3);
        });
        members.settle();
        CHECK(ch.send(3));
        members.join();
    });
}

TEST_CASE("select waits until there is room to send") {
    for (const std::size_t capacity : {std::size_t{0}, std::size_t{1}, std::size_t{5}}) {
        for_each_crew([capacity](crew& members) {
            const coir::chan<int> ch(capacity);
            const coir::chan<int> never;
            for (std::size_t i = 0; i < capacity; ++i) CHECK(ch.send(0));
            members.start(
                [ch, never] { CHECK(coir::select(never.on_recv(), ch.on_send(4)) == 1); });
            members.settle();
            for (std::size_t i = 0; i < capacity; ++i) CHECK(ch.recv() == 0);
            CHECK(ch.recv() == 4);
        });
    }
}

TEST_CASE("only one of several cases commits, and the others lose nothing") {
    for_each_crew([](crew&) {
        const coir::chan<move_only> first(1);
        const coir::chan<move_only> second(1);
        CHECK(first.send(move_only{1}));
        CHECK(second.send(move_only{2}));
        std::optional<move_only> value;
        const std::size_t index = coir::select(first.on_recv(value), second.on_recv(value));
        CHECK(value->value() == static_cast<int>(index) + 1);
        CHECK(first.size() + second.size() == 1);
    });
}

TEST_CASE("a value to send is moved only if its case commits") {
    for_each_crew([](crew&) {
        const coir::chan<move_only> full(1);
        const coir::chan<move_only> open(1);
        CHECK(full.send(move_only{0}));
        move_only refused{1};
        move_only taken{2};
        CHECK(coir::select(full.on_send(std::move(refused)), open.on_send(std::move(taken))) == 1);
        CHECK(refused == 1);
        CHECK(taken == tracked::moved_from);
        CHECK(open.recv()->value() == 2);
        CHECK(coir::select(full.on_send(std::move(refused)), coir::otherwise()) == 1);
        CHECK(refused == 1);
    });
}

TEST_CASE("one value may stand in two send cases and goes to one of them") {
    for_each_crew([](crew& members) {
        const coir::chan<move_only> left;
        const coir::chan<move_only> right;
        members.start([left, right] {
            for (int i = 0; i < 100; ++i) {
                move_only value{i};
                CHECK(coir::select(left.on_send(std::move(value)),
                                   right.on_send(std::move(value))) < 2);
                CHECK(value == tracked::moved_from);
            }
        });
        for (int i = 0; i < 100; ++i)
            CHECK((i % 3 == 0 ? left.recv() : right.recv())->value() == i);
    });
}

TEST_CASE("an lvalue in a send case is copied when the case commits, not before") {
    for_each_crew([](crew& members) {
        const coir::chan<std::string> ch(1);
        std::string text = "before";
        auto sending = ch.on_send(text);
        text = "after";
        CHECK(coir::select(sending) == 0);
        CHECK(text == "after");
        CHECK(ch.recv() == "after");
        members.join();
    });
}

TEST_CASE("on_recv() discards the value") {
    for_each_crew([](crew& members) {
        const coir::chan<int> ch;
        const coir::chan<int> never;
        members.start([ch] {
            for (int i = 0; i < 3; ++i) CHECK(ch.send(i));
        });
        CHECK(coir::select(ch.on_recv()) == 0);
        CHECK(coir::select(never.on_recv(), ch.on_recv()) == 1);
        CHECK(ch.recv() == 2);
    });
}

TEST_CASE("plain and selecting operations meet in every combination") {
    for_each_crew([](crew& members) {
        const coir::chan<int> never;
        const std::array<void (*)(coir::chan<int>, coir::chan<int>), 3> senders{
            [](coir::chan<int> ch, coir::chan<int>) { CHECK(ch.send(1)); },
            [](coir::chan<int> ch, coir::chan<int>) { CHECK(coir::select(ch.on_send(1)) == 0); },
            [](coir::chan<int> ch, coir::chan<int> idle) {
                CHECK(coir::select(idle.on_send(1), ch.on_send(1)) == 1);
            }};
        const std::array<void (*)(coir::chan<int>, coir::chan<int>), 3> receivers{
            [](coir::chan<int> ch, coir::chan<int>) { CHECK(ch.recv() == 1); },
            [](coir::chan<int> ch, coir::chan<int>) { CHECK(coir::select(ch.on_recv()) == 0); },
            [](coir::chan<int> ch, coir::chan<int> idle) {
                CHECK(coir::select(idle.on_recv(), ch.on_recv()) == 1);
            }};
        for (const auto send : senders)
            for (const auto receive : receivers)
                for (const bool receiver_first : {true, false}) {
                    const coir::chan<int> ch;
                    // Two channels that nobody serves: the idle ends must not meet either.
                    const coir::chan<int> idle_out;
                    const coir::chan<int> idle_in;
                    if (receiver_first) {
                        members.start([=] { receive(ch, idle_in); });
                        members.settle();
                        send(ch, idle_out);
                    } else {
                        members.start([=] { send(ch, idle_out); });
                        members.settle();
                        receive(ch, idle_in);
                    }
                    members.join();
                }
    });
}

TEST_CASE("select withdraws from the channels that lost") {
    for_each_crew([](crew& members) {
        const coir::chan<int> first;
        const coir::chan<int> second;
        for (int i = 0; i < 100; ++i) {
            members.start([first, second] {
                std::optional<int> value;
                CHECK(coir::select(first.on_recv(value), second.on_recv(value)) == 1);
                CHECK(value == 2);
            });
            CHECK(second.send(2));
            members.join();
            CHECK(first.try_send(1) == channel_status::full);
        }
    });
}

TEST_CASE("a select that leaves a queue in the middle leaves the others waiting in it") {
    for_each_crew([](crew& members) {
        const coir::chan<int> crowded;
        const coir::chan<int> way_out;
        const coir::chan<int> left;
        members.start([crowded] { CHECK(crowded.recv().has_value()); });
        members.settle();
        members.start([crowded, way_out, left] {
            CHECK(coir::select(crowded.on_recv(), crowded.on_recv(), way_out.on_recv()) == 2);
            CHECK(left.send(9));
            CHECK(crowded.recv().has_value());
        });
        members.settle();
        members.start([crowded] { CHECK(crowded.recv().has_value()); });
        members.settle();
        CHECK(way_out.send(7));
        CHECK(left.recv() == 9);
        for (int i = 0; i < 3; ++i) CHECK(crowded.send(8));
        members.join();
    });
}

TEST_CASE("selects nest inside handlers") {
    for_each_crew([](crew&) {
        const coir::chan<int> ch(coir::unbounded);
        int depth = 0;
        coir::select(ch.on_send(0, [&](bool) {
            coir::select(ch.on_recv([&](std::optional<int> zero) {
                CHECK(zero == 0);
                coir::select(ch.on_send(1, [&](bool sent) {
                    CHECK(sent);
                    coir::select(ch.on_recv([&](std::optional<int> one) { depth = one.value(); }));
                }));
            }));
        }));
        CHECK(depth == 1);
    });
}

TEST_CASE("a receive case may be used again") {
    for_each_crew([](crew&) {
        const coir::chan<int> ch(3);
        std::optional<int> value;
        auto receiving = ch.on_recv(value);
        for (int i = 0; i < 3; ++i) CHECK(ch.send(i));
        for (int i = 0; i < 3; ++i) {
            CHECK(coir::select(receiving) == 0);
            CHECK(value == i);
        }
        int sum = 0;
        auto handling = ch.on_recv([&](std::optional<int> v) { sum += v.value(); });
        for (int i = 0; i < 3; ++i) {
            CHECK(ch.send(i));
            CHECK(coir::select(handling) == 0);
        }
        CHECK(sum == 3);
    });
}

TEST_CASE("opposite selects on the same two channels always meet") {
    for_each_crew([](crew& members) {
        const coir::chan<int> a;
        const coir::chan<int> b;
        static constexpr int count = 500;
        // Written in opposite order: locking in the order written would deadlock.
        members.start([a, b] {
            for (int i = 0; i < count; ++i) CHECK(coir::select(a.on_send(i), b.on_send(i)) < 2);
        });
        int in_order = 0;
        for (int i = 0; i < count; ++i) {
            std::optional<int> value;
            coir::select(b.on_recv(value), a.on_recv(value));
            in_order += value == i;
        }
        CHECK(in_order == count);
    });
}
