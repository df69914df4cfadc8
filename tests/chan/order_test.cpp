// SPDX-License-Identifier: MIT
// Covers the order in which waiters are served, and fairness towards them.

#include "fixture.hpp"

#include <vector>

using namespace fixture;
using coir::channel_status;

namespace {

/// Lets each starter run up to where it waits before the next one starts. Only one worker makes
/// that an order to rely on, so these tests run there.
template <class Body> void in_turn(crew& members, int count, Body body) {
    for (int i = 0; i < count; ++i) {
        members.start([body, i] { body(i); });
        members.settle();
    }
}

template <class Body> void for_one_worker(Body body) {
    const leak_check leaks;
    coir::run(with_workers(1), [&] {
        crew members{1};
        body(members);
        members.join();
    });
}

} // namespace

TEST_CASE("parked receivers are served in arrival order") {
    for (const std::size_t capacity : capacities) {
        for_one_worker([capacity](crew& members) {
            const auto ch = make_chan<int>(capacity);
            in_turn(members, 10, [ch](int i) { CHECK(ch.recv() == i); });
            for (int i = 0; i < 10; ++i) CHECK(ch.send(i));
        });
    }
}

TEST_CASE("parked senders are served in arrival order") {
    for (const std::size_t capacity : {std::size_t{0}, std::size_t{1}, std::size_t{3}}) {
        for_one_worker([capacity](crew& members) {
            const coir::chan<int> ch(capacity);
            in_turn(members, 10, [ch](int i) { CHECK(ch.send(i)); });
            for (int i = 0; i < 10; ++i) CHECK(ch.recv() == i);
        });
    }
}

TEST_CASE("selecting and plain waiters share one queue in arrival order") {
    for_one_worker([](crew& members) {
        const coir::chan<int> ch;
        const coir::chan<int> never;
        in_turn(members, 10, [ch, never](int i) {
            if (i % 2 == 0) {
                CHECK(ch.recv() == i);
            } else {
                std::optional<int> value;
                CHECK(coir::select(never.on_recv(), ch.on_recv(value)) == 1);
                CHECK(value == i);
            }
        });
        for (int i = 0; i < 10; ++i) CHECK(ch.send(i));
    });
}

TEST_CASE("timed and plain waiters share one queue, and those that gave up are passed over") {
    for_one_worker([](crew& members) {
        const coir::chan<int> ch;
        in_turn(members, 9, [ch](int i) {
            int out = -1;
            if (i % 3 == 0)
                CHECK(ch.recv() == i - i / 3);
            else if (i % 3 == 1)
                CHECK((ch.recv_for(1h, out) == channel_status::success && out == i - i / 3));
            else
                CHECK(ch.recv_for(1ms, out) == channel_status::timeout);
        });
        coir::sleep_for(20ms);
        for (int i = 0; i < 6; ++i) CHECK(ch.send(i));
    });
}

TEST_CASE("a chain of coroutines passes one token in order") {
    for_each_crew([](crew& members) {
        const coir::chan<int> values;
        coir::chan<int> in(1);
        CHECK(in.send(1));
        // Each waits for its neighbour before it takes the next value, so they take in order.
        for (int i = 0; i < 10; ++i) {
            const coir::chan<int> out(1);
            members.start([values, in, out, i] {
                CHECK(in.recv().has_value());
                CHECK(values.recv() == i);
                CHECK(out.send(1));
            });
            in = out;
        }
        for (int i = 0; i < 10; ++i) CHECK(values.send(i));
        CHECK(in.recv().has_value());
    });
}

TEST_CASE("a waiting sender is not overtaken for ever by one that keeps sending") {
    for_each_runtime([] {
        const coir::chan<int> ch(1);
        std::atomic<bool> patient_done{false};
        auto greedy = coir::go([&, ch] {
            while (!patient_done.load()) static_cast<void>(ch.send(0));
        });
        auto patient = coir::go([&, ch] {
            for (int i = 0; i < 100; ++i) CHECK(ch.send(1));
            patient_done.store(true);
        });
        int ones = 0;
        while (ones < 100) ones += ch.recv().value_or(0);
        ch.close();
        patient.join();
        greedy.join();
    });
}

TEST_CASE("ten thousand coroutines hand a value down a daisy chain") {
    for_each_runtime([] {
        const int count = scaled(10'000);
        coir::chan<int> left;
        const coir::chan<int> leftmost = left;
        for (int i = 0; i < count; ++i) {
            const coir::chan<int> right;
            coir::go([left, right] { static_cast<void>(left.send(right.recv().value() + 1)); });
            left = right;
        }
        coir::go([left] { static_cast<void>(left.send(0)); });
        CHECK(leftmost.recv() == count);
    });
}

TEST_CASE("the prime sieve: a pipeline that grows while it runs") {
    for_each_crew([](crew& members) {
        coir::chan<int> numbers;
        members.start([numbers] {
            for (int i = 2; numbers.send(i); ++i) {}
        });
        std::vector<coir::chan<int>> all{numbers};
        std::vector<int> primes;
        for (int i = 0; i < 15; ++i) {
            const int prime = numbers.recv().value();
            primes.push_back(prime);
            const coir::chan<int> filtered;
            members.start([numbers, filtered, prime] {
                for (int n : numbers)
                    if (n % prime != 0 && !filtered.send(n)) return;
            });
            numbers = filtered;
            all.push_back(filtered);
        }
        CHECK(primes == std::vector{2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47});
        for (const auto& ch : all) ch.close();
    });
}
