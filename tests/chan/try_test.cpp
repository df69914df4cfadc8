// SPDX-License-Identifier: MIT
// Covers try_send and try_recv: they never wait, and touch nothing unless they succeed.

#include "fixture.hpp"

#include <memory>
#include <optional>
#include <string>

using namespace fixture;
using coir::channel_status;

TEST_CASE("try_recv on an empty open channel says empty and keeps out as it was") {
    for_each_chan<int>([](crew&, coir::chan<int> ch) {
        int out = 5;
        CHECK(ch.try_recv(out) == channel_status::empty);
        CHECK(out == 5);
        std::optional<int> maybe = 6;
        CHECK(ch.try_recv(maybe) == channel_status::empty);
        CHECK(maybe == 6);
    });
}

TEST_CASE("try_recv takes a buffered value, into a T or into an optional") {
    for_each_crew([](crew&) {
        for (const std::size_t capacity : {std::size_t{2}, unlimited}) {
            const auto ch = make_chan<int>(capacity);
            CHECK(ch.send(1));
            CHECK(ch.send(2));
            int out = 0;
            CHECK(ch.try_recv(out) == channel_status::success);
            CHECK(out == 1);
            std::optional<int> maybe;
            CHECK(ch.try_recv(maybe) == channel_status::success);
            CHECK(maybe == 2);
            CHECK(ch.try_recv(maybe) == channel_status::empty);
            CHECK(maybe == 2);
        }
    });
}

TEST_CASE("try_recv says closed only once the channel is drained, and keeps out then") {
    for_each_crew([](crew&) {
        for (const std::size_t capacity : buffered) {
            const auto ch = make_chan<int>(capacity);
            CHECK(ch.send(1));
            ch.close();
            int out = 9;
            CHECK(ch.try_recv(out) == channel_status::success);
            CHECK(out == 1);
            CHECK(ch.try_recv(out) == channel_status::closed);
            CHECK(out == 1);
        }
        const coir::chan<int> rendezvous;
        rendezvous.close();
        std::optional<int> none;
        CHECK(rendezvous.try_recv(none) == channel_status::closed);
        CHECK(!none);
    });
}

TEST_CASE("try_send on a rendezvous channel succeeds only with a waiting receiver") {
    for_each_crew([](crew& members) {
        const coir::chan<int> ch;
        CHECK(ch.try_send(1) == channel_status::full);
        members.start([ch] { CHECK(ch.recv() == 2); });
        members.wait_until([&] { return ch.try_send(2) == channel_status::success; });
        members.join();
        CHECK(ch.try_send(3) == channel_status::full);
    });
}

TEST_CASE("try_recv on a rendezvous channel succeeds only with a waiting sender") {
    for_each_crew([](crew& members) {
        const coir::chan<int> ch;
        int out = 0;
        CHECK(ch.try_recv(out) == channel_status::empty);
        members.start([ch] { CHECK(ch.send(2)); });
        members.wait_until([&] { return ch.try_recv(out) == channel_status::success; });
        CHECK(out == 2);
        members.join();
        CHECK(ch.try_recv(out) == channel_status::empty);
    });
}

TEST_CASE("try_send and try_recv never meet each other on a rendezvous channel") {
    for_each_runtime([] {
        const coir::chan<int> ch;
        std::atomic<int> met{0};
        auto sender = coir::go([&] {
            for (int i = 0; i < 1'000; ++i) met += ch.try_send(i) == channel_status::success;
        });
        int out = 0;
        for (int i = 0; i < 1'000; ++i) met += ch.try_recv(out) == channel_status::success;
        sender.join();
        CHECK(met.load() == 0);
    });
}

TEST_CASE("try_send says full, closed or success, and moves only on success") {
    for_each_crew([](crew&) {
        const coir::chan<move_only> ch(1);
        move_only value{1};
        CHECK(ch.try_send(std::move(value)) == channel_status::success);
        CHECK(value == tracked::moved_from);
        value = move_only{2};
        CHECK(ch.try_send(std::move(value)) == channel_status::full);
        CHECK(value == 2);
        ch.close();
        CHECK(ch.try_send(std::move(value)) == channel_status::closed);
        CHECK(value == 2);
        CHECK(ch.recv()->value() == 1);
    });
}

TEST_CASE("try_send of an lvalue copies it only on success") {
    for_each_crew([](crew&) {
        const coir::chan<tracked> ch(1);
        const tracked value{3};
        const long before = tracked::copies.load();
        CHECK(ch.try_send(value) == channel_status::success);
        CHECK(tracked::copies.load() == before + 1);
        CHECK(ch.try_send(value) == channel_status::full);
        ch.close();
        CHECK(ch.try_send(value) == channel_status::closed);
        // A copy that was made for nothing would be allowed, a value that is gone would not.
        CHECK(value == 3);
    });
}

TEST_CASE("try_send to an unbounded channel is never full") {
    for_each_crew([](crew&) {
        const coir::chan<int> ch(coir::unbounded);
        int sent = 0;
        for (int i = 0; i < 10'000; ++i) sent += ch.try_send(i) == channel_status::success;
        CHECK(sent == 10'000);
    });
}

TEST_CASE("try_recv of a full channel lets the parked sender in") {
    for_each_crew([](crew& members) {
        const coir::chan<int> ch(1);
        CHECK(ch.send(1));
        members.start([ch] { CHECK(ch.send(2)); });
        members.settle();
        int out = 0;
        CHECK(ch.try_recv(out) == channel_status::success);
        CHECK(out == 1);
        members.join();
        CHECK(ch.try_recv(out) == channel_status::success);
        CHECK(out == 2);
    });
}

TEST_CASE("a channel that holds a value is never reported empty while it is being closed") {
    for_each_runtime([] {
        for (int round = 0; round < scaled(500); ++round) {
            const coir::chan<int> ch(1);
            CHECK(ch.send(1));
            auto taker = coir::go([ch] {
                int out = 0;
                const auto status = ch.try_recv(out);
                CHECK(status != channel_status::empty);
                return status == channel_status::success;
            });
            ch.close();
            const bool here = ch.recv().has_value();
            CHECK(here != taker.join());
        }
    });
}

TEST_CASE("ping-pong by try operations alone makes progress") {
    for_each_crew([](crew& members) {
        const coir::chan<int> requests;
        const coir::chan<int> responses;
        static constexpr int count = 100;
        members.start([&, requests, responses] {
            int received = 0;
            int out = 0;
            while (received < count) {
                if (responses.try_recv(out) == channel_status::success) ++received;
                static_cast<void>(requests.try_send(0));
                members.pause();
            }
            requests.close();
            responses.close();
        });
        for (int request : requests) {
            static_cast<void>(request);
            if (!responses.send(1)) break;
        }
    });
}
