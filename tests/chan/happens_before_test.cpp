// SPDX-License-Identifier: MIT
// Covers the happens-before edges of Go's memory model; the variables are plain, so that the thread
// sanitizer is the judge.

#include "fixture.hpp"

using namespace fixture;

TEST_CASE(
    "what happened before a send is seen after its recv, and the reverse through a rendezvous") {
    for_each_chan<int>([](crew& members, coir::chan<int> ch) {
        int before_send = 0;
        members.start([&, ch] {
            before_send = 42;
            CHECK(ch.send(1));
        });
        CHECK(ch.recv() == 1);
        CHECK(before_send == 42);
        members.join();
    });
    for_each_crew([](crew& members) {
        const coir::chan<int> ch;
        int before_recv = 0;
        members.start([&, ch] {
            before_recv = 42;
            CHECK(ch.recv() == 1);
        });
        CHECK(ch.send(1));
        CHECK(before_recv == 42);
        members.join();
    });
}

TEST_CASE("the kth receive on a channel of capacity C happens before the k+Cth send completes") {
    // A bounded channel is a semaphore: at most C holders at a time.
    for_each_crew([](crew& members) {
        const coir::chan<int> places(2);
        std::atomic<int> holders{0};
        std::atomic<int> most{0};
        int protected_by_one = 0;
        const coir::chan<int> one(1);
        for (int m = 0; m < 4; ++m)
            members.start([&, places, one] {
                for (int i = 0; i < 200; ++i) {
                    CHECK(places.send(0));
                    const int now = holders.fetch_add(1) + 1;
                    if (now > most.load()) most.store(now);
                    CHECK(one.send(0));
                    ++protected_by_one;
                    CHECK(one.recv().has_value());
                    holders.fetch_sub(1);
                    CHECK(places.recv().has_value());
                }
            });
        members.join();
        CHECK(most.load() <= 2);
        CHECK(protected_by_one == 800);
    });
}
