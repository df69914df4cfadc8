// SPDX-License-Identifier: MIT
// Covers close: what it wakes, what it leaves, and the races with it.

#include "fixture.hpp"

#include <optional>

using namespace fixture;
using coir::channel_status;

TEST_CASE("close is idempotent and closed tells of it on every end") {
    for_each_crew([](crew&) {
        const coir::chan<int> ch(1);
        const coir::sender<int> tx = ch;
        const coir::receiver<int> rx = ch;
        CHECK(!ch.closed());
        CHECK(!tx.closed());
        CHECK(!rx.closed());
        ch.close();
        ch.close();
        tx.close();
        rx.close();
        CHECK(ch.closed());
        CHECK(tx.closed());
        CHECK(rx.closed());
    });
}

TEST_CASE("either end may close") {
    for_each_crew([](crew&) {
        const auto [tx, rx] = coir::channel<int>(1);
        rx.close();
        CHECK(!tx.send(1));
        const auto [tx2, rx2] = coir::channel<int>(1);
        tx2.close();
        CHECK(!rx2.recv());
    });
}

TEST_CASE("send on a closed channel returns false and leaves the value untouched") {
    for_each_chan<move_only>([](crew&, coir::chan<move_only> ch) {
        ch.close();
        move_only value{3};
        CHECK(!ch.send(std::move(value)));
        CHECK(value == 3);
        CHECK(ch.send_for(1ms, std::move(value)) == channel_status::closed);
        CHECK(value == 3);
    });
}

TEST_CASE("recv drains what is buffered, then gives nothing, again and again") {
    for_each_crew([](crew&) {
        for (const std::size_t capacity : buffered) {
            const auto ch = make_chan<int>(capacity);
            const int count = capacity == unlimited ? 1'000 : static_cast<int>(capacity);
            for (int i = 0; i < count; ++i) CHECK(ch.send(i));
            ch.close();
            CHECK(ch.size() == static_cast<std::size_t>(count));
            for (int i = 0; i < count; ++i) CHECK(ch.recv() == i);
            for (int i = 0; i < 10; ++i) CHECK(!ch.recv());
            CHECK(ch.size() == 0);
        }
    });
}

TEST_CASE("close wakes parked receivers") {
    for_each_chan<int>([](crew& members, coir::chan<int> ch) {
        for (int i = 0; i < 5; ++i) members.start([ch] { CHECK(!ch.recv()); });
        members.settle();
        ch.close();
        members.join();
    });
}

TEST_CASE("close wakes parked senders, whose values are untouched") {
    for (const std::size_t capacity : {std::size_t{0}, std::size_t{1}, std::size_t{3}}) {
        for_each_crew([capacity](crew& members) {
            const coir::chan<move_only> ch(capacity);
            for (std::size_t i = 0; i < capacity; ++i) CHECK(ch.send(move_only{100}));
            for (int i = 0; i < 5; ++i)
                members.start([ch, i] {
                    move_only value{i};
                    CHECK(!ch.send(std::move(value)));
                    CHECK(value == i);
                });
            members.settle();
            ch.close();
            members.join();
            for (std::size_t i = 0; i < capacity; ++i) CHECK(ch.recv()->value() == 100);
            CHECK(!ch.recv());
        });
    }
}

TEST_CASE("what a successful send put in comes out, however it races with close") {
    for (const std::size_t capacity : capacities) {
        INFO("capacity = ", capacity);
        for_each_crew([capacity](crew& members) {
            for (int round = 0; round < scaled(30); ++round) {
                const auto ch = make_chan<move_only>(capacity);
                std::atomic<int> sent{0};
                std::atomic<int> received{0};
                for (int s = 0; s < 2; ++s)
                    members.start([&, ch] {
                        for (int i = 0; i < 100; ++i) {
                            move_only value{i};
                            if (!ch.send(std::move(value))) {
                                CHECK(value == i);
                                return;
                            }
                            sent.fetch_add(1);
                        }
                    });
                members.start([&, ch] {
                    while (ch.recv()) received.fetch_add(1);
                });
                members.start([&, ch] {
                    for (int i = 0; i < round; ++i) members.pause();
                    ch.close();
                });
                members.join();
                CHECK(sent.load() == received.load());
            }
        });
    }
}

TEST_CASE("what happened before close is seen by the receiver that learns of it") {
    for_each_chan<int>([](crew& members, coir::chan<int> ch) {
        int before_close = 0;
        members.start([&, ch] {
            before_close = 42;
            ch.close();
        });
        CHECK(!ch.recv());
        CHECK(before_close == 42);
        members.join();
    });
}

TEST_CASE("many close the same channel at once") {
    for_each_chan<int>([](crew& members, coir::chan<int> ch) {
        members.start([ch] { CHECK(!ch.recv()); });
        for (int i = 0; i < 8; ++i) members.start([ch] { ch.close(); });
        members.join();
        CHECK(ch.closed());
    });
}

TEST_CASE("range-for runs until the channel is closed and drained") {
    for_each_chan<int>([](crew& members, coir::chan<int> ch) {
        members.start([ch] {
            for (int i = 0; i < 100; ++i) CHECK(ch.send(i));
            ch.close();
        });
        int expected = 0;
        for (int value : ch) CHECK(value == expected++);
        CHECK(expected == 100);
    });
}

TEST_CASE("range-for over a receiver, left early, takes no more than it showed") {
    for_each_crew([](crew&) {
        const auto [tx, rx] = coir::channel<int>(10);
        for (int i = 0; i < 10; ++i) CHECK(tx.send(i));
        int seen = 0;
        for (int value : rx) {
            ++seen;
            if (value == 3) break;
        }
        CHECK(seen == 4);
        CHECK(rx.recv() == 4);
        CHECK(rx.size() == 5);
    });
}

TEST_CASE("range-for moves values that cannot be copied") {
    for_each_crew([](crew&) {
        const coir::chan<move_only> ch(3);
        for (int i = 0; i < 3; ++i) CHECK(ch.send(move_only{i}));
        ch.close();
        int expected = 0;
        for (auto&& value : ch) {
            const move_only mine = std::move(value);
            CHECK(mine == expected++);
        }
        CHECK(expected == 3);
    });
}

TEST_CASE("range-for nests over channels of channels") {
    for_each_crew([](crew& members) {
        const coir::chan<coir::receiver<int>> outer;
        members.start([outer] {
            for (int i = 0; i < 5; ++i) {
                const auto [tx, rx] = coir::channel<int>(5);
                for (int k = 0; k < 5; ++k) CHECK(tx.send(i * 5 + k));
                CHECK(outer.send(rx));
            }
            outer.close();
        });
        int expected = 0;
        // Each inner channel ends by itself: its only sender has gone.
        for (const coir::receiver<int>& inner : outer)
            for (int value : inner) CHECK(value == expected++);
        CHECK(expected == 25);
    });
}
