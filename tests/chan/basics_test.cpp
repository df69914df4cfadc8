// SPDX-License-Identifier: MIT
// Covers sending and receiving on every kind of channel.
//
// The suites studied, whose cases are covered here and in the neighbouring files:
//   golang/go test/chan: doubleselect fifo goroutines nonblock perm select select2 select3 select4
//     select5 select6 select7 select8 sendstmt sieve1 zerosize (powser1 by its channel patterns);
//     src/runtime/chan_test.go: every Test; src/runtime/chanbarrier_test.go
//   crossbeam-channel/tests: after array golang iter list mpsc never ready same_channel select
//     thread_locals tick zero
// Left out: what has no counterpart here (stack shrinking, select operations that were begun and
// forgotten, panics on sending to a closed channel).

#include "fixture.hpp"

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>

using namespace fixture;
using coir::channel_status;

TEST_CASE("a value sent is the value received") {
    for_each_chan<int>([](crew& members, coir::chan<int> ch) {
        members.start([ch] { CHECK(ch.send(7)); });
        CHECK(ch.recv() == 7);
    });
}

TEST_CASE("values of one sender arrive in the order sent") {
    for_each_chan<int>([](crew& members, coir::chan<int> ch) {
        static constexpr int count = 1'000;
        members.start([ch] {
            int sent = 0;
            for (int i = 0; i < count; ++i) sent += ch.send(i);
            CHECK(sent == count);
        });
        int in_order = 0;
        for (int i = 0; i < count; ++i) in_order += ch.recv() == i;
        CHECK(in_order == count);
    });
}

TEST_CASE("a rendezvous send returns only once its value is taken") {
    for_each_crew([](crew& members) {
        coir::chan<int> ch;
        std::atomic<bool> taking{false};
        members.start([&, ch] {
            CHECK(ch.send(1));
            CHECK(taking.load());
        });
        members.settle();
        taking.store(true);
        CHECK(ch.recv() == 1);
        members.join();
    });
}

TEST_CASE("recv waits while the channel is empty") {
    for_each_chan<int>([](crew& members, coir::chan<int> ch) {
        std::atomic<bool> sending{false};
        members.start([&, ch] {
            CHECK(ch.recv() == 5);
            CHECK(sending.load());
        });
        members.settle();
        sending.store(true);
        CHECK(ch.send(5));
        members.join();
    });
}

TEST_CASE("send waits while a bounded channel is full") {
    for (const std::size_t capacity : {std::size_t{1}, std::size_t{2}, std::size_t{100}}) {
        for_each_crew([capacity](crew& members) {
            const coir::chan<int> ch(capacity);
            for (std::size_t i = 0; i < capacity; ++i) CHECK(ch.send(0));
            std::atomic<bool> receiving{false};
            members.start([&, ch] {
                CHECK(ch.send(1));
                CHECK(receiving.load());
            });
            members.settle();
            receiving.store(true);
            for (std::size_t i = 0; i < capacity; ++i) CHECK(ch.recv() == 0);
            CHECK(ch.recv() == 1);
            members.join();
        });
    }
}

TEST_CASE("a bounded channel takes as many values as it has places without a receiver") {
    for_each_crew([](crew&) {
        for (const std::size_t capacity : {1u, 2u, 3u, 7u, 64u, 1'000u}) {
            const coir::chan<std::size_t> ch(capacity);
            for (std::size_t i = 0; i < capacity; ++i) CHECK(ch.send(i));
            CHECK(ch.try_send(0u) == channel_status::full);
            for (std::size_t i = 0; i < capacity; ++i) CHECK(ch.recv() == i);
        }
    });
}

TEST_CASE("send to an unbounded channel never waits") {
    for_each_crew([](crew&) {
        const coir::chan<int> ch(coir::unbounded);
        static constexpr int count = 100'000;
        for (int i = 0; i < count; ++i) static_cast<void>(ch.send(i));
        CHECK(ch.size() == count);
        int in_order = 0;
        for (int i = 0; i < count; ++i) in_order += ch.recv() == i;
        CHECK(in_order == count);
    });
}

TEST_CASE("size and capacity tell what is buffered and what may be") {
    for_each_crew([](crew&) {
        CHECK(coir::chan<int>().capacity() == 0);
        CHECK(coir::chan<int>(0).capacity() == 0);
        CHECK(coir::chan<int>(coir::unbounded).capacity() ==
              std::numeric_limits<std::size_t>::max());
        const auto [tx, rx] = coir::channel<int>(3);
        CHECK(tx.capacity() == 3);
        CHECK(rx.capacity() == 3);
        for (std::size_t i = 0; i < 3; ++i) {
            CHECK(tx.size() == i);
            CHECK(rx.size() == i);
            CHECK(tx.send(0));
        }
        CHECK(rx.size() == 3);
        CHECK(rx.recv());
        CHECK(tx.size() == 2);
    });
}

TEST_CASE("a rendezvous channel has size 0 even while a sender is parked") {
    for_each_crew([](crew& members) {
        const coir::chan<int> ch;
        members.start([ch] { CHECK(ch.send(1)); });
        members.settle();
        CHECK(ch.size() == 0);
        CHECK(ch.recv() == 1);
    });
}

TEST_CASE("a buffer that is filled and emptied many times keeps the order") {
    for_each_crew([](crew&) {
        for (const std::size_t capacity : {1u, 2u, 3u, 5u, 8u}) {
            const coir::chan<int> ch(capacity);
            int next_in = 0;
            int next_out = 0;
            int in_order = 0;
            for (int lap = 0; lap < 50; ++lap) {
                while (ch.try_send(next_in) == channel_status::success) ++next_in;
                int taken = 0;
                // Leaves one behind now and then, so that the laps start at every place.
                const int leave = lap % 2;
                while (ch.size() > static_cast<std::size_t>(leave)) {
                    in_order += ch.try_recv(taken) == channel_status::success && taken == next_out;
                    ++next_out;
                }
            }
            CHECK(in_order == next_out);
        }
    });
}

TEST_CASE("many producers and many consumers share one channel, each value once") {
    for_each_chan<int>([](crew& members, coir::chan<int> ch) {
        static constexpr int producers = 4;
        static constexpr int consumers = 4;
        static constexpr int each = 1'000;
        std::vector<std::atomic<int>> seen(producers * each);
        for (int p = 0; p < producers; ++p)
            members.start([ch, p] {
                for (int i = 0; i < each; ++i) static_cast<void>(ch.send(p * each + i));
            });
        for (int c = 0; c < consumers; ++c)
            members.start([&seen, ch] {
                for (int i = 0; i < each; ++i)
                    seen[static_cast<std::size_t>(ch.recv().value())].fetch_add(1);
            });
        members.join();
        int once = 0;
        for (const auto& count : seen) once += count.load() == 1;
        CHECK(once == producers * each);
        CHECK(ch.size() == 0);
    });
}

TEST_CASE("values of every size and kind travel unharmed") {
    for_each_crew([](crew& members) {
        struct empty {};
        struct large {
            std::array<int, 1'000> numbers{};
        };
        struct alignas(64) aligned {
            char letter = 'a';
        };
        for (const std::size_t capacity : capacities) {
            const auto numbers = make_chan<large>(capacity);
            const auto nothings = make_chan<empty>(capacity);
            const auto texts = make_chan<std::string>(capacity);
            const auto lines = make_chan<aligned>(capacity);
            const auto pairs = make_chan<std::tuple<int, std::string>>(capacity);
            members.start([=] {
                large filled;
                for (int i = 0; i < 1'000; ++i) filled.numbers[static_cast<std::size_t>(i)] = i;
                CHECK(numbers.send(filled));
                CHECK(nothings.send({}));
                CHECK(texts.send(std::string(100'000, 'x')));
                CHECK(lines.send({'z'}));
                CHECK(pairs.send({3, "three"}));
            });
            CHECK(numbers.recv().value().numbers[999] == 999);
            CHECK(nothings.recv().has_value());
            CHECK(texts.recv() == std::string(100'000, 'x'));
            const auto line = lines.recv();
            CHECK(line->letter == 'z');
            CHECK(reinterpret_cast<std::uintptr_t>(&*line) % 64 == 0);
            CHECK(pairs.recv() == std::tuple<int, std::string>{3, "three"});
        }
    });
}

TEST_CASE("a channel travels through a channel") {
    for_each_crew([](crew& members) {
        struct request {
            int argument = 0;
            coir::chan<int> reply;
        };
        const coir::chan<request> requests;
        members.start([requests] {
            while (auto asked = requests.recv()) CHECK(asked->reply.send(asked->argument * 2));
        });
        for (int i = 0; i < 100; ++i) {
            const coir::chan<int> reply;
            CHECK(requests.send({i, reply}));
            CHECK(reply.recv() == 2 * i);
        }
        requests.close();
    });
}

TEST_CASE("a channel may carry its own kind") {
    struct node {
        int depth = 0;
        coir::chan<node> next = nullptr;
    };
    for_each_crew([](crew&) {
        const coir::chan<node> inner(1);
        const coir::chan<node> outer(1);
        CHECK(inner.send({2, nullptr}));
        CHECK(outer.send({1, inner}));
        const auto first = outer.recv();
        CHECK(first->depth == 1);
        CHECK(first->next.recv()->depth == 2);
    });
}
