// SPDX-License-Identifier: MIT
// Stresses select: everything against everything on shared channels, without losing a wake-up.

#include "fixture.hpp"

#include <cstdint>
#include <optional>
#include <set>

using namespace fixture;
using coir::channel_status;

TEST_CASE("plain and selecting senders and receivers on four channels all get through") {
    for_each_crew([](crew& members) {
        const std::array<coir::chan<int>, 4> channels{coir::chan<int>{}, coir::chan<int>{},
                                                      coir::chan<int>(2), coir::chan<int>(3)};
        const int each = scaled(members.coroutines() ? 5'000 : 1'000);
        for (const auto& ch : channels) {
            members.start([ch, each] {
                for (int i = 0; i < each; ++i) static_cast<void>(ch.send(0));
            });
            members.start([ch, each] {
                for (int i = 0; i < each; ++i) static_cast<void>(ch.recv());
            });
        }
        // Each selecting member does its share on every channel, then takes the case out.
        members.start([c = channels, each]() mutable {
            std::array<int, 4> done{};
            for (int i = 0; i < 4 * each; ++i) {
                const std::size_t chosen = 3 - coir::select(c[3].on_send(0), c[2].on_send(0),
                                                            c[1].on_send(0), c[0].on_send(0));
                if (++done[chosen] == each) c[chosen] = nullptr;
            }
        });
        members.start([c = channels, each]() mutable {
            std::array<int, 4> done{};
            for (int i = 0; i < 4 * each; ++i) {
                const std::size_t chosen =
                    coir::select(c[0].on_recv(), c[1].on_recv(), c[2].on_recv(), c[3].on_recv());
                if (++done[chosen] == each) c[chosen] = nullptr;
            }
        });
        members.join();
        for (const auto& ch : channels) CHECK(ch.size() == 0);
    });
}

TEST_CASE("a value selected out to one of four channels never goes to two") {
    for_each_crew([](crew& members) {
        const int count = scaled(members.coroutines() ? 10'000 : 2'000);
        std::array<coir::chan<int>, 4> routes;
        auto [merged_tx, merged] = coir::channel<int>();
        members.start([routes, count] {
            for (int i = 0; i < count; ++i)
                coir::select(routes[0].on_send(i), routes[1].on_send(i), routes[2].on_send(i),
                             routes[3].on_send(i));
            for (const auto& route : routes) route.close();
        });
        for (const auto& route : routes)
            members.start([route, to = merged_tx] {
                for (int value : route) static_cast<void>(to.send(value));
            });
        merged_tx = nullptr;
        std::vector<std::uint8_t> seen(static_cast<std::size_t>(count));
        int doubled = 0;
        int received = 0;
        for (int value : merged) {
            doubled += seen[static_cast<std::size_t>(value)]++ > 0;
            ++received;
        }
        CHECK(doubled == 0);
        CHECK(received == count);
    });
}

TEST_CASE("a selecting receiver among buffered and unbounded channels keeps each one's order") {
    for_each_crew([](crew& members) {
        const coir::chan<int> unbounded(coir::unbounded);
        const coir::chan<int> bounded(5);
        const coir::chan<int> tickets(100);
        const int count = scaled(members.coroutines() ? 5'000 : 1'000);
        members.start([=] {
            for (int i = 0; i < count; ++i) {
                static_cast<void>(unbounded.send(i));
                static_cast<void>(tickets.recv());
                static_cast<void>(bounded.send(i));
                static_cast<void>(tickets.recv());
            }
        });
        int in_order = 0;
        for (int i = 0; i < 2 * count; ++i) {
            std::optional<int> value;
            coir::select(unbounded.on_recv(value), bounded.on_recv(value));
            in_order += value == i / 2;
            CHECK(tickets.send(0));
        }
        CHECK(in_order == 2 * count);
    });
}

TEST_CASE("select over a send and a receive on two rendezvous channels keeps pace") {
    for_each_crew([](crew& members) {
        const coir::chan<int> in;
        const coir::chan<int> out;
        const int count = scaled(members.coroutines() ? 5'000 : 1'000);
        members.start([=] {
            for (int i = 0; i < count; ++i) {
                CHECK(in.send(i));
                CHECK(out.recv() == i);
            }
        });
        for (int i = 0; i < count; ++i) {
            bool received = false;
            bool sent = false;
            while (!received || !sent) {
                std::optional<int> value;
                // Sending first would hang: the other side sends first, too.
                if (coir::select(in.on_recv(value),
                                 (received ? out : coir::chan<int>(nullptr)).on_send(i)) == 0) {
                    CHECK(value == i);
                    received = true;
                } else {
                    sent = true;
                }
            }
        }
    });
}

TEST_CASE("timeouts that race with values lose none") {
    for_each_crew([](crew& members) {
        const coir::chan<int> ch(2);
        const int count = scaled(members.coroutines() ? 2'000 : 500);
        members.start([=] {
            for (int i = 0; i < count; ++i)
                while (coir::select(ch.on_send(i), coir::on_timeout(30us)) == 1) {}
        });
        for (int i = 0; i < count; ++i) {
            std::optional<int> value;
            while (coir::select(coir::on_timeout(30us), ch.on_recv(value)) == 0) {}
            CHECK(value == i);
        }
    });
}

TEST_CASE("channels made, selected on and dropped by the peer that was just woken") {
    // Whoever is woken may destroy the channel at once, while the waker still has it in hand.
    for_each_crew([](crew& members) {
        const int rounds = scaled(members.coroutines() ? 5'000 : 200);
        const coir::chan<coir::sender<int>> requests;
        members.start([=] {
            while (auto reply = requests.recv()) {
                const coir::sender<int> mine = std::move(*reply);
                static_cast<void>(mine.send(1));
            }
        });
        const coir::chan<int> never;
        for (int i = 0; i < rounds; ++i) {
            auto [tx, rx] = coir::channel<int>(i % 2 == 0 ? 0 : 1);
            CHECK(requests.send(std::move(tx)));
            if (i % 3 == 0) {
                CHECK(coir::select(never.on_recv(), rx.on_recv()) == 1);
            } else {
                CHECK(rx.recv() == 1);
            }
        }
        requests.close();
    });
}

TEST_CASE("close wakes a waiter that destroys the channel at once") {
    for_each_crew([](crew& members) {
        const int rounds = scaled(members.coroutines() ? 3'000 : 100);
        const coir::chan<coir::receiver<int>> waiting;
        members.start([=] {
            while (auto rx = waiting.recv()) CHECK(!rx->recv());
        });
        for (int i = 0; i < rounds; ++i) {
            coir::chan<int> ch(static_cast<std::size_t>(i % 2));
            CHECK(waiting.send(ch));
            if (i % 3 == 0) members.pause();
            if (i % 2 == 0) ch.close();
            ch = nullptr;
        }
        waiting.close();
    });
}
