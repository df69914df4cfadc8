// SPDX-License-Identifier: MIT
// Covers handles: nil ones, comparison, conversion, and what the going of the last one means.

#include "fixture.hpp"

#include <optional>
#include <stdexcept>
#include <string>

using namespace fixture;
using coir::channel_status;

static_assert(std::is_nothrow_move_constructible_v<coir::chan<int>>);
static_assert(std::is_convertible_v<coir::chan<int>, coir::sender<int>>);
static_assert(std::is_convertible_v<coir::chan<int>, coir::receiver<int>>);
static_assert(!std::is_convertible_v<coir::sender<int>, coir::receiver<int>>);
static_assert(!std::is_convertible_v<coir::receiver<int>, coir::sender<int>>);
static_assert(!std::is_convertible_v<coir::sender<int>, bool>, "operator bool is explicit");
static_assert(std::is_copy_assignable_v<coir::sender<move_only>>, "the handle, not the element");

template <class End>
concept can_send = requires(const End& end) { end.try_send(1); };
template <class End>
concept can_receive = requires(const End& end) { end.recv(); };
static_assert(can_send<coir::chan<int>> && can_receive<coir::chan<int>>);
static_assert(can_send<coir::sender<int>> && !can_receive<coir::sender<int>>);
static_assert(!can_send<coir::receiver<int>> && can_receive<coir::receiver<int>>);

TEST_CASE("a default-made chan is a channel, a default-made end is nil") {
    const coir::chan<int> ch;
    CHECK(ch);
    CHECK(ch != nullptr);
    const coir::sender<int> tx;
    const coir::receiver<int> rx;
    CHECK(!tx);
    CHECK(!rx);
    CHECK(tx == nullptr);
    CHECK(rx == nullptr);
}

TEST_CASE("a moved-from and a nullptr handle are nil") {
    coir::chan<int> ch(1);
    const coir::chan<int> moved = std::move(ch);
    CHECK(ch == nullptr);
    CHECK(moved != nullptr);
    CHECK(coir::chan<int>(nullptr) == nullptr);
    coir::sender<int> tx = moved;
    const coir::sender<int> moved_tx = std::move(tx);
    CHECK(!tx);
    CHECK(moved_tx);
    coir::receiver<int> rx = moved;
    rx = nullptr;
    CHECK(!rx);
}

TEST_CASE("every direct use of a nil handle throws logic_error") {
    for_each_crew([](crew&) {
        const coir::chan<int> ch = nullptr;
        const coir::sender<int> tx;
        const coir::receiver<int> rx;
        int out = 0;
        CHECK_THROWS_AS(static_cast<void>(ch.send(1)), std::logic_error);
        CHECK_THROWS_AS(static_cast<void>(tx.send(1)), std::logic_error);
        CHECK_THROWS_AS(static_cast<void>(tx.try_send(1)), std::logic_error);
        CHECK_THROWS_AS(static_cast<void>(tx.send_for(1ms, 1)), std::logic_error);
        CHECK_THROWS_AS(static_cast<void>(tx.send_until(coir::clock::now(), 1)), std::logic_error);
        CHECK_THROWS_AS(static_cast<void>(ch.recv()), std::logic_error);
        CHECK_THROWS_AS(static_cast<void>(rx.recv()), std::logic_error);
        CHECK_THROWS_AS(static_cast<void>(rx.try_recv(out)), std::logic_error);
        CHECK_THROWS_AS(static_cast<void>(rx.recv_for(1ms, out)), std::logic_error);
        CHECK_THROWS_AS(static_cast<void>(rx.recv_until(coir::clock::now(), out)),
                        std::logic_error);
        CHECK_THROWS_AS(ch.close(), std::logic_error);
        CHECK_THROWS_AS(tx.close(), std::logic_error);
        CHECK_THROWS_AS(rx.close(), std::logic_error);
        CHECK_THROWS_AS(static_cast<void>(ch.size()), std::logic_error);
        CHECK_THROWS_AS(static_cast<void>(tx.capacity()), std::logic_error);
        CHECK_THROWS_AS(static_cast<void>(rx.closed()), std::logic_error);
        CHECK_THROWS_AS(
            [&] {
                for (int value : rx) static_cast<void>(value);
            }(),
            std::logic_error);
    });
}

TEST_CASE("handles of one channel are equal, of two different") {
    const coir::chan<int> first;
    const coir::chan<int> copy = first;
    const coir::chan<int> second;
    CHECK(first == copy);
    CHECK(first != second);
    const coir::sender<int> tx = first;
    const coir::sender<int> other_tx = second;
    CHECK(tx == coir::sender<int>(copy));
    CHECK(tx != other_tx);
    CHECK(coir::receiver<int>(first) == coir::receiver<int>(copy));
    CHECK(coir::sender<int>() == coir::sender<int>());
}

TEST_CASE("copies of a handle share the channel") {
    for_each_crew([](crew&) {
        const coir::chan<int> ch(2);
        const coir::chan<int> copy = ch;
        CHECK(copy.send(1));
        CHECK(ch.size() == 1);
        CHECK(ch.recv() == 1);
        copy.close();
        CHECK(ch.closed());
    });
}

TEST_CASE("channel<T>() is a rendezvous, as is capacity 0") {
    const auto [tx, rx] = coir::channel<int>();
    const auto [tx0, rx0] = coir::channel<int>(0);
    const auto [tx_unbounded, rx_unbounded] = coir::channel<int>(coir::unbounded);
    CHECK(tx.capacity() == 0);
    CHECK(rx0.capacity() == 0);
    CHECK(rx_unbounded.capacity() == std::numeric_limits<std::size_t>::max());
    static_assert(std::is_same_v<decltype(tx), const coir::sender<int>>);
    static_assert(std::is_same_v<decltype(rx), const coir::receiver<int>>);
}

TEST_CASE("when the last sender goes the channel closes, after what is buffered") {
    for_each_crew([](crew&) {
        auto [tx, rx] = coir::channel<int>(2);
        {
            const coir::sender<int> copy = tx;
            CHECK(copy.send(1));
            tx = nullptr;
            CHECK(!rx.closed());
            CHECK(copy.send(2));
        }
        CHECK(rx.closed());
        CHECK(rx.recv() == 1);
        CHECK(rx.recv() == 2);
        CHECK(!rx.recv());
    });
}

TEST_CASE("the last sender's going wakes parked receivers") {
    for_each_crew([](crew& members) {
        for (const std::size_t capacity : capacities) {
            coir::sender<int> tx;
            {
                const auto ch = make_chan<int>(capacity);
                tx = ch;
                for (int i = 0; i < 3; ++i)
                    members.start([rx = coir::receiver<int>(ch)] { CHECK(!rx.recv()); });
            }
            members.settle();
            tx = nullptr;
            members.join();
        }
    });
}

TEST_CASE("when the last receiver goes the channel is closed and what is buffered destroyed") {
    for_each_crew([](crew&) {
        for (const std::size_t capacity : buffered) {
            const long before = tracked::live.load();
            coir::sender<tracked> tx;
            coir::receiver<tracked> rx;
            {
                const auto ch = make_chan<tracked>(capacity);
                tx = ch;
                rx = ch;
            }
            CHECK(tx.send(tracked{1}));
            CHECK(tracked::live.load() == before + 1);
            rx = nullptr;
            CHECK(tracked::live.load() == before);
            CHECK(tx.closed());
            CHECK(tx.size() == 0);
            const tracked value{2};
            CHECK(!tx.send(value));
            CHECK(tx.try_send(value) == channel_status::closed);
        }
    });
}

TEST_CASE("the last receiver's going wakes parked senders") {
    for_each_crew([](crew& members) {
        coir::receiver<move_only> rx;
        {
            auto [tx, end] = coir::channel<move_only>();
            rx = std::move(end);
            for (int i = 0; i < 3; ++i)
                members.start([tx, i] {
                    move_only value{i};
                    CHECK(!tx.send(std::move(value)));
                    CHECK(value == i);
                });
        }
        members.settle();
        rx = nullptr;
        members.join();
    });
}

TEST_CASE("a chan counts as a sender and as a receiver") {
    for_each_crew([](crew&) {
        coir::sender<int> tx;
        coir::receiver<int> rx;
        {
            const coir::chan<int> ch(1);
            tx = ch;
            rx = ch;
        }
        CHECK(!tx.closed());
        coir::chan<int> ch(1);
        rx = ch;
        CHECK(ch.send(1));
        ch = nullptr;
        CHECK(rx.recv() == 1);
        CHECK(!rx.recv());
    });
}

TEST_CASE("values left in a channel are destroyed with its last handle") {
    for_each_crew([](crew&) {
        for (const std::size_t capacity : buffered) {
            const long before = tracked::live.load();
            {
                const auto ch = make_chan<tracked>(capacity);
                const int count = capacity == unlimited ? 1'000 : static_cast<int>(capacity);
                for (int i = 0; i < count; ++i) CHECK(ch.send(tracked{i}));
                CHECK(tracked::live.load() == before + count);
            }
            CHECK(tracked::live.load() == before);
        }
    });
}

TEST_CASE("pipelines end by themselves: each stage's going closes the next") {
    for_each_crew([](crew& members) {
        auto [tx, rx] = coir::channel<int>();
        members.start([out = std::move(tx)] {
            for (int i = 0; i < 100; ++i) CHECK(out.send(i));
        });
        for (int stage = 0; stage < 5; ++stage) {
            auto [next_tx, next_rx] = coir::channel<int>();
            members.start([from = std::move(rx), to = std::move(next_tx)] {
                for (int value : from) CHECK(to.send(value + 1));
            });
            rx = std::move(next_rx);
        }
        int expected = 5;
        for (int value : rx) CHECK(value == expected++);
        CHECK(expected == 105);
    });
}

TEST_CASE("a consumer that leaves ends the pipeline before it") {
    for_each_crew([](crew& members) {
        auto [tx, rx] = coir::channel<int>(1);
        members.start([out = std::move(tx)] {
            for (int i = 0; out.send(i); ++i) {}
        });
        CHECK(rx.recv() == 0);
        CHECK(rx.recv() == 1);
        rx = nullptr;
        members.join();
    });
}

TEST_CASE("handles are copied and dropped by many at once") {
    for_each_crew([](crew& members) {
        for (int round = 0; round < scaled(20); ++round) {
            auto [tx, rx] = coir::channel<int>(1);
            for (int m = 0; m < 4; ++m)
                members.start([tx, m] {
                    for (int i = 0; i < 50; ++i) {
                        const coir::sender<int> copy = tx;
                        if (i % 10 == m) CHECK(copy.send(i));
                    }
                });
            tx = nullptr;
            int received = 0;
            for (int value : rx) {
                static_cast<void>(value);
                ++received;
            }
            CHECK(received == 20);
            members.join();
        }
    });
}
