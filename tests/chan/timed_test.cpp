// SPDX-License-Identifier: MIT
// Covers send_for, send_until, recv_for and recv_until.

#include "fixture.hpp"

#include <optional>

using namespace fixture;
using coir::channel_status;

namespace {

/// Runs the body and checks that it took at least the duration; how much more is the machine's.
template <class Body> void takes_at_least(std::chrono::nanoseconds least, Body body) {
    const auto start = coir::clock::now();
    body();
    CHECK(coir::clock::now() - start >= least);
}

} // namespace

TEST_CASE("recv_for says timeout once the time is over, and keeps out") {
    for_each_chan<int>([](crew&, coir::chan<int> ch) {
        int out = 4;
        takes_at_least(5ms, [&] { CHECK(ch.recv_for(5ms, out) == channel_status::timeout); });
        std::optional<int> maybe = 5;
        takes_at_least(5ms, [&] { CHECK(ch.recv_for(5ms, maybe) == channel_status::timeout); });
        CHECK(out == 4);
        CHECK(maybe == 5);
    });
}

TEST_CASE("recv_until says timeout once the time point is past") {
    for_each_crew([](crew&) {
        const coir::chan<int> ch;
        int out = 4;
        takes_at_least(5ms, [&] {
            CHECK(ch.recv_until(coir::clock::now() + 5ms, out) == channel_status::timeout);
        });
        CHECK(ch.recv_until(coir::clock::now() - 1h, out) == channel_status::timeout);
        CHECK(ch.recv_until(coir::clock::time_point::min(), out) == channel_status::timeout);
        CHECK(out == 4);
    });
}

TEST_CASE("send_for and send_until say timeout, and the value is untouched") {
    for_each_crew([](crew&) {
        for (const std::size_t capacity : {std::size_t{0}, std::size_t{1}}) {
            const coir::chan<move_only> ch(capacity);
            if (capacity == 1) CHECK(ch.send(move_only{0}));
            move_only value{1};
            takes_at_least(
                5ms, [&] { CHECK(ch.send_for(5ms, std::move(value)) == channel_status::timeout); });
            CHECK(value == 1);
            takes_at_least(5ms, [&] {
                CHECK(ch.send_until(coir::clock::now() + 5ms, std::move(value)) ==
                      channel_status::timeout);
            });
            CHECK(value == 1);
            CHECK(ch.size() == capacity);
        }
    });
}

TEST_CASE("a value that is there is received even when the time is already over") {
    for_each_crew([](crew&) {
        const coir::chan<int> ch(3);
        for (int i = 0; i < 3; ++i) CHECK(ch.send(i));
        int out = -1;
        CHECK(ch.recv_for(0ms, out) == channel_status::success);
        CHECK(ch.recv_for(-5ms, out) == channel_status::success);
        CHECK(ch.recv_until(coir::clock::now() - 1s, out) == channel_status::success);
        CHECK(out == 2);
        CHECK(ch.send_for(-1ms, 3) == channel_status::success);
        CHECK(ch.send_until(coir::clock::now() - 1s, 4) == channel_status::success);
    });
}

TEST_CASE("timed operations succeed when the peer comes in time") {
    for_each_chan<int>([](crew& members, coir::chan<int> ch) {
        members.start([ch] { CHECK(ch.send_for(1h, 1) == channel_status::success); });
        int out = 0;
        CHECK(ch.recv_for(1h, out) == channel_status::success);
        CHECK(out == 1);
        members.start(
            [ch] { CHECK(ch.send_until(coir::clock::now() + 1h, 2) == channel_status::success); });
        CHECK(ch.recv_until(coir::clock::now() + 1h, out) == channel_status::success);
        CHECK(out == 2);
    });
}

TEST_CASE("duration::max waits for ever, like no limit at all") {
    for_each_crew([](crew& members) {
        const coir::chan<int> ch;
        members.start([ch] {
            int out = 0;
            CHECK(ch.recv_for(std::chrono::nanoseconds::max(), out) == channel_status::success);
            CHECK(ch.recv_for(std::chrono::hours::max(), out) == channel_status::success);
            CHECK(ch.recv_until(coir::clock::time_point::max(), out) == channel_status::success);
        });
        members.settle();
        CHECK(ch.send_for(coir::clock::duration::max(), 1) == channel_status::success);
        CHECK(ch.send_for(std::chrono::hours::max(), 1) == channel_status::success);
        CHECK(ch.send_until(coir::clock::time_point::max(), 1) == channel_status::success);
    });
}

TEST_CASE("closing ends a timed wait with closed, and says so at once on a closed channel") {
    for_each_crew([](crew& members) {
        const coir::chan<int> ch;
        const coir::chan<int> full(1);
        CHECK(full.send(0));
        members.start([ch] {
            int out = 3;
            CHECK(ch.recv_for(1h, out) == channel_status::closed);
            CHECK(out == 3);
        });
        members.start([full] { CHECK(full.send_for(1h, 1) == channel_status::closed); });
        members.settle();
        ch.close();
        full.close();
        members.join();
        int out = 0;
        CHECK(ch.recv_for(1h, out) == channel_status::closed);
        CHECK(ch.send_for(1h, 1) == channel_status::closed);
        CHECK(full.recv_for(1h, out) == channel_status::success);
        CHECK(full.recv_for(1h, out) == channel_status::closed);
    });
}

TEST_CASE("a receiver that gave up takes no value with it") {
    // The timeout and the sender race; whoever wins, the value is somewhere.
    for_each_crew([](crew& members) {
        const coir::chan<move_only> ch;
        const int rounds = scaled(300);
        std::atomic<bool> done{false};
        members.start([&, ch] {
            for (int i = 0; i < rounds; ++i) CHECK(ch.send(move_only{i}));
            done.store(true);
        });
        std::optional<move_only> out;
        int expected = 0;
        while (!done.load() || expected < rounds) {
            if (ch.recv_for(std::chrono::microseconds(expected % 50), out) ==
                channel_status::success) {
                CHECK(out->value() == expected);
                ++expected;
            }
        }
        CHECK(expected == rounds);
    });
}

TEST_CASE("a sender that gave up leaves no value behind") {
    for_each_crew([](crew& members) {
        const coir::chan<move_only> ch;
        const int rounds = scaled(300);
        members.start([ch, rounds] {
            for (int i = 0; i < rounds; ++i) {
                move_only value{i};
                while (ch.send_for(std::chrono::microseconds(i % 50), std::move(value)) !=
                       channel_status::success)
                    CHECK(value == i);
                CHECK(value == tracked::moved_from);
            }
        });
        for (int i = 0; i < rounds; ++i) CHECK(ch.recv()->value() == i);
    });
}

TEST_CASE("sender and receiver that both give up often get every value across once") {
    for_each_crew([](crew& members) {
        const coir::chan<int> ch;
        const int rounds = scaled(200);
        members.start([ch, rounds] {
            for (int i = 0; i < rounds; ++i)
                while (ch.send_for(100us, i) != channel_status::success) {}
        });
        for (int i = 0; i < rounds; ++i) {
            int out = -1;
            while (ch.recv_for(100us, out) != channel_status::success) {}
            CHECK(out == i);
        }
    });
}
