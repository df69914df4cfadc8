// SPDX-License-Identifier: MIT
// Covers one channel in several cases of one select.

#include "fixture.hpp"

#include <optional>

using namespace fixture;
using coir::channel_status;

TEST_CASE("a select never pairs with itself on a rendezvous channel") {
    for_each_crew([](crew&) {
        const coir::chan<int> ch;
        CHECK(coir::select(ch.on_send(1), ch.on_recv(), coir::otherwise()) == 2);
        CHECK(coir::select(ch.on_recv(), ch.on_send(1), coir::on_timeout(3ms)) == 2);
        CHECK(coir::select(ch.on_send(1), ch.on_recv(), ch.on_send(2), ch.on_recv(),
                           coir::on_timeout(3ms)) == 4);
    });
}

TEST_CASE("send and receive of one buffered channel: whichever is possible") {
    for_each_crew([](crew&) {
        const coir::chan<int> ch(1);
        std::optional<int> value;
        CHECK(coir::select(ch.on_send(1), ch.on_recv(value)) == 0);
        CHECK(coir::select(ch.on_send(2), ch.on_recv(value)) == 1);
        CHECK(value == 1);
        CHECK(ch.size() == 0);
    });
}

TEST_CASE("two selects that both send and receive pair with each other, never with themselves") {
    for (const std::size_t capacity : {std::size_t{0}, std::size_t{10}}) {
        for_each_crew([capacity](crew& members) {
            const coir::chan<int> ch(capacity);
            static constexpr int count = 1'000;
            std::atomic<int> from_self{0};
            for (int who = 0; who < 2; ++who)
                members.start([&, ch, who] {
                    for (int i = 0; i < count; ++i) {
                        std::optional<int> value;
                        if (who == 0 || i % 2 == 0)
                            coir::select(ch.on_send(who), ch.on_recv(value));
                        else
                            coir::select(ch.on_recv(value), ch.on_send(who));
                        from_self += value == who;
                    }
                });
            members.join();
            if (capacity == 0) CHECK(from_self.load() == 0);
        });
    }
}

TEST_CASE("everybody who offers both gets exactly one partner") {
    for_each_crew([](crew& members) {
        const coir::chan<int> ch;
        const int people = 44;
        std::atomic<int> senders{0};
        std::atomic<int> receivers{0};
        for (int i = 0; i < people; ++i)
            members.start([&, ch, i] {
                std::optional<int> partner;
                if (coir::select(ch.on_recv(partner), ch.on_send(i)) == 0) {
                    CHECK(partner != i);
                    receivers.fetch_add(1);
                } else {
                    senders.fetch_add(1);
                }
            });
        members.join();
        CHECK(senders.load() == people / 2);
        CHECK(receivers.load() == people / 2);
    });
}

TEST_CASE("with an odd number one is left over, and is still there for the next") {
    for_each_crew([](crew& members) {
        const coir::chan<int> ch;
        for (int i = 0; i < 43; ++i)
            members.start([ch, i] { CHECK(coir::select(ch.on_recv(), ch.on_send(i)) < 2); });
        CHECK(coir::select(ch.on_recv(), ch.on_send(43)) < 2);
        members.join();
        CHECK(ch.try_send(0) == channel_status::full);
    });
}

TEST_CASE("several receive cases of one channel: one value fills one of them") {
    for_each_crew([](crew& members) {
        const coir::chan<int> ch;
        std::array<int, 3> hits{};
        members.start([ch] {
            for (int i = 0; i < 600; ++i) CHECK(ch.send(i));
            ch.close();
        });
        bool open = true;
        int expected = 0;
        while (open) {
            std::array<std::optional<int>, 3> values;
            const std::size_t index =
                coir::select(ch.on_recv(values[0]), ch.on_recv(values[1]), ch.on_recv(values[2]));
            open = values[index].has_value();
            if (!open) break;
            CHECK(values[index] == expected++);
            CHECK(values[0].has_value() + values[1].has_value() + values[2].has_value() == 1);
            ++hits[index];
        }
        CHECK(hits[0] + hits[1] + hits[2] == 600);
    });
}

TEST_CASE("several send cases of one channel: one value goes out") {
    for_each_crew([](crew& members) {
        for (const std::size_t capacity : capacities) {
            const auto ch = make_chan<int>(capacity);
            members.start([ch] {
                for (int i = 0; i < 100; ++i)
                    CHECK(coir::select(ch.on_send(10 * i), ch.on_send(10 * i + 1),
                                       ch.on_send(10 * i + 2)) < 3);
                ch.close();
            });
            int expected = 0;
            for (int value : ch) {
                CHECK(value / 10 == expected);
                ++expected;
            }
            CHECK(expected == 100);
            members.join();
        }
    });
}

TEST_CASE("sends and receives of one unbounded channel, twice each, all get their turn") {
    for_each_crew([](crew&) {
        const coir::chan<int> ch(coir::unbounded);
        std::array<int, 4> hits{};
        for (int i = 0; i < 1'000; ++i)
            ++hits[coir::select(ch.on_recv(), ch.on_recv(), ch.on_send(0), ch.on_send(0))];
        for (const int hit : hits) CHECK(hit > 0);
        CHECK(ch.size() == static_cast<std::size_t>(hits[2] + hits[3] - hits[0] - hits[1]));
    });
}

TEST_CASE("closing a channel that stands in several cases commits exactly one") {
    for_each_crew([](crew& members) {
        for (int round = 0; round < 20; ++round) {
            const coir::chan<int> ch;
            std::atomic<int> calls{0};
            members.start([&, ch] {
                coir::select(ch.on_recv([&](auto) { ++calls; }),
                             ch.on_send(1, [&](bool) { ++calls; }),
                             ch.on_recv([&](auto) { ++calls; }));
            });
            members.settle();
            ch.close();
            members.join();
            CHECK(calls.load() == 1);
        }
    });
}

TEST_CASE("handles of one channel, copied or as ends, count as the same channel") {
    for_each_crew([](crew&) {
        const auto [tx, rx] = coir::channel<int>();
        const coir::sender<int> tx_copy = tx;
        const coir::receiver<int> rx_copy = rx;
        CHECK(coir::select(tx.on_send(1), rx_copy.on_recv(), tx_copy.on_send(2), rx.on_recv(),
                           coir::on_timeout(2ms)) == 4);
    });
}
