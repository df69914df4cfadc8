// SPDX-License-Identifier: MIT
// Covers otherwise, timeouts and deadlines, nil handles, biased choice, and no case at all.

#include "fixture.hpp"

#include <optional>

using namespace fixture;
using coir::channel_status;

TEST_CASE("otherwise commits when nothing is ready, and only then") {
    for_each_crew([](crew&) {
        const coir::chan<int> ch(1);
        int calls = 0;
        CHECK(coir::select(ch.on_recv(), coir::otherwise([&] { ++calls; })) == 1);
        CHECK(calls == 1);
        CHECK(coir::select(coir::otherwise([&] { ++calls; }), ch.on_recv()) == 0);
        CHECK(coir::select(ch.on_send(1), coir::otherwise([&] { ++calls; })) == 0);
        CHECK(coir::select(ch.on_send(2), coir::otherwise()) == 1);
        CHECK(coir::select(coir::otherwise([&] { ++calls; }), ch.on_recv()) == 1);
        CHECK(calls == 2);
    });
}

TEST_CASE("otherwise alone commits at once") {
    for_each_crew([](crew&) {
        bool ran = false;
        CHECK(coir::select(coir::otherwise([&] { ran = true; })) == 0);
        CHECK(ran);
        CHECK(coir::select(coir::otherwise()) == 0);
    });
}

TEST_CASE("a rendezvous is ready for otherwise only with a peer waiting") {
    for_each_crew([](crew& members) {
        const coir::chan<int> ch;
        CHECK(coir::select(ch.on_recv(), ch.on_send(1), coir::otherwise()) == 2);
        members.start([ch] { CHECK(ch.send(5)); });
        std::optional<int> value;
        members.wait_until([&] { return coir::select(ch.on_recv(value), coir::otherwise()) == 0; });
        CHECK(value == 5);
        members.start([ch] { CHECK(ch.recv() == 6); });
        members.wait_until([&] { return coir::select(ch.on_send(6), coir::otherwise()) == 0; });
    });
}

TEST_CASE("a closed channel is ready, so otherwise does not run") {
    for_each_crew([](crew&) {
        const coir::chan<int> ch;
        ch.close();
        std::optional<int> value = 1;
        CHECK(coir::select(ch.on_recv(value), coir::otherwise()) == 0);
        CHECK(!value);
        bool told = true;
        CHECK(coir::select(ch.on_send(1, [&](bool sent) { told = sent; }), coir::otherwise()) == 0);
        CHECK(!told);
    });
}

TEST_CASE("select sees one moment: with always one of two ready it never takes otherwise") {
    for_each_runtime([] {
        for (int round = 0; round < scaled(500); ++round) {
            const coir::chan<int> first(1);
            const coir::chan<int> second(1);
            CHECK(first.send(1));
            auto poller = coir::go([first, second] {
                return coir::select(first.on_recv(), second.on_recv(), coir::otherwise());
            });
            // From here on at least one of the two is ready at any time.
            if (round % 2 == 0)
                CHECK(second.send(1));
            else
                second.close();
            coir::select(first.on_recv(), coir::otherwise());
            CHECK(poller.join() != 2);
        }
    });
}

TEST_CASE("on_timeout commits after its time, on_deadline at its time point") {
    for_each_crew([](crew&) {
        const coir::chan<int> never;
        const auto start = coir::clock::now();
        bool ran = false;
        CHECK(coir::select(never.on_recv(), coir::on_timeout(5ms, [&] { ran = true; })) == 1);
        CHECK(ran);
        CHECK(coir::clock::now() - start >= 5ms);
        const auto deadline = coir::clock::now() + 5ms;
        CHECK(coir::select(never.on_recv(), coir::on_deadline(deadline)) == 1);
        CHECK(coir::clock::now() >= deadline);
        CHECK(coir::select(coir::on_timeout(1ms)) == 0);
    });
}

TEST_CASE("of several timeouts the earliest commits") {
    for_each_crew([](crew&) {
        CHECK(coir::select(coir::on_timeout(1h), coir::on_timeout(2ms), coir::on_timeout(10min)) ==
              1);
        CHECK(coir::select(coir::on_deadline(coir::clock::time_point::max()),
                           coir::on_timeout(std::chrono::hours::max()),
                           coir::on_timeout(1ms)) == 2);
    });
}

TEST_CASE("a timeout that is already over is ready") {
    for_each_crew([](crew&) {
        const coir::chan<int> never;
        CHECK(coir::select(never.on_recv(), coir::on_timeout(0ms)) == 1);
        CHECK(coir::select(never.on_recv(), coir::on_timeout(-1h)) == 1);
        CHECK(coir::select(never.on_recv(), coir::on_deadline(coir::clock::now() - 1h)) == 1);
        CHECK(coir::select(never.on_recv(), coir::on_deadline(coir::clock::time_point::min())) ==
              1);
    });
}

TEST_CASE("a case that becomes ready before the timeout wins over it") {
    for_each_crew([](crew& members) {
        const coir::chan<int> ch;
        members.start([ch] { CHECK(ch.send(1)); });
        CHECK(coir::select(ch.on_recv(), coir::on_timeout(1h)) == 0);
    });
}

TEST_CASE("the case of a nil handle is never ready") {
    for_each_crew([](crew&) {
        const coir::chan<int> nil = nullptr;
        const coir::sender<int> nil_sender;
        const coir::receiver<int> nil_receiver;
        CHECK(coir::select(nil.on_recv(), nil.on_send(1), nil_sender.on_send(1),
                           nil_receiver.on_recv(), coir::otherwise()) == 4);
        CHECK(coir::select(nil.on_recv(), nil_sender.on_send(1), coir::on_timeout(2ms)) == 2);
        const coir::chan<int> ready(1);
        CHECK(coir::select(nil.on_recv(), ready.on_send(1), nil.on_send(2)) == 1);
    });
}

TEST_CASE("setting a handle to nil switches its case off") {
    for_each_crew([](crew& members) {
        auto [first_tx, first] = coir::channel<int>();
        auto [second_tx, second] = coir::channel<int>();
        members.start([tx = std::move(first_tx)] {
            for (int i = 0; i < 10; ++i) CHECK(tx.send(1));
        });
        members.start([tx = std::move(second_tx)] {
            for (int i = 0; i < 20; ++i) CHECK(tx.send(100));
        });
        int sum = 0;
        while (first || second) {
            coir::select(first.on_recv([&](std::optional<int> value) {
                if (value)
                    sum += *value;
                else
                    first = nullptr;
            }),
                         second.on_recv([&](std::optional<int> value) {
                             if (value)
                                 sum += *value;
                             else
                                 second = nullptr;
                         }));
        }
        CHECK(sum == 2'010);
    });
}

TEST_CASE("select_biased takes the first ready in the order written, every time") {
    for_each_crew([](crew&) {
        const coir::chan<int> idle(1);
        const coir::chan<int> first(coir::unbounded);
        const coir::chan<int> second(coir::unbounded);
        for (int i = 0; i < 100; ++i) {
            CHECK(first.send(i));
            CHECK(second.send(i));
        }
        for (int i = 0; i < 100; ++i)
            CHECK(coir::select_biased(idle.on_recv(), first.on_recv(), second.on_recv()) == 1);
        CHECK(coir::select_biased(first.on_recv(), second.on_recv(), coir::otherwise()) == 1);
        CHECK(coir::select_biased(first.on_recv(), idle.on_recv(), coir::otherwise()) == 2);
    });
}

TEST_CASE("select_biased waits like select") {
    for_each_crew([](crew& members) {
        const coir::chan<int> a;
        const coir::chan<int> b;
        members.start([a, b] {
            std::optional<int> value;
            CHECK(coir::select_biased(a.on_recv(value), b.on_recv(value)) == 1);
            CHECK(value == 2);
        });
        members.settle();
        CHECK(b.send(2));
        members.join();
        CHECK(coir::select_biased(a.on_recv(), coir::on_timeout(2ms)) == 1);
    });
}

TEST_CASE("no case at all parks until cancelled") {
    for_each_runtime([] {
        std::vector<coir::select_case> none;
        auto waiting = coir::go([] { coir::select(); });
        auto waiting_too = coir::go([&] { coir::select(none); });
        for (int i = 0; i < 100; ++i) coir::yield();
        CHECK(!waiting.done());
        CHECK(!waiting_too.done());
        waiting.request_stop();
        waiting_too.request_stop();
        CHECK_THROWS_AS(waiting.join(), coir::task_cancelled);
        CHECK_THROWS_AS(waiting_too.join(), coir::task_cancelled);
    });
}

TEST_CASE("only cases that are never ready park until cancelled") {
    for_each_runtime([] {
        const coir::chan<int> nil = nullptr;
        auto waiting = coir::go([nil] { coir::select(nil.on_recv(), nil.on_send(1)); });
        for (int i = 0; i < 100; ++i) coir::yield();
        CHECK(!waiting.done());
        waiting.request_stop();
        CHECK_THROWS_AS(waiting.join(), coir::task_cancelled);
    });
}
