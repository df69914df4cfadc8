// SPDX-License-Identifier: MIT
// Covers explore: it finds more bugs, in programs written for it, and says of them what helps.

#include "finds.hpp"

#include <deque>
#include <string>

using namespace fixture;
using coir::testing::explore;
using coir::testing::failure;
using coir::testing::maybe_preempt;

TEST_CASE("finds a lost update between atomics of the user's own") {
    finds("lost update", [] {
        std::atomic<int> hits{0};
        coir::wait_group all;
        for (int i = 0; i < 3; ++i) {
            all.go([&] {
                const int seen = hits.load();
                maybe_preempt();
                hits.store(seen + 1);
            });
        }
        all.wait();
        require(hits.load() == 3, "lost update");
    });
}

TEST_CASE("finds a notification that wakes the wrong one") {
    finds("deadlock", [] {
        coir::mutex guard;
        coir::condition_variable changed; // one for both: room and work
        std::deque<int> queue;
        coir::wait_group all;
        for (int i = 0; i < 2; ++i) {
            all.go([&] {
                std::unique_lock lock{guard};
                changed.wait(lock, [&] { return !queue.empty(); });
                queue.pop_front();
                changed.notify_one();
            });
            all.go([&] {
                std::unique_lock lock{guard};
                changed.wait(lock, [&] { return queue.empty(); });
                queue.push_back(1);
                changed.notify_one();
            });
        }
        all.wait();
    });
}

TEST_CASE("finds an item that a select leaves behind at the close") {
    finds("an item was lost", [] {
        const coir::chan<int> items(4), quit;
        int received = 0;
        auto consumer = coir::go([&, items, quit] {
            for (;;) {
                // Both may be ready; the choice is random, and what is buffered stays behind.
                if (coir::select(
                        items.on_recv([&](std::optional<int> v) { received += v ? 1 : 0; }),
                        quit.on_recv()) == 1) {
                    return;
                }
            }
        });
        for (int i = 0; i < 3; ++i) CHECK(items.send(i));
        quit.close();
        consumer.join();
        require(received == 3, "an item was lost");
    });
}

TEST_CASE("finds a leak") {
    finds("leak", [] {
        const coir::chan<int> answers; // unbuffered: the slower one is never received
        for (int i = 0; i < 2; ++i) {
            coir::go([answers, i] { static_cast<void>(answers.send(i)); });
        }
        require(answers.recv().has_value(), "an answer");
    });
}

TEST_CASE("finds a timeout that comes together with the answer") {
    finds("the answer was ignored", [] {
        const coir::chan<int> answer(1);
        auto server = coir::go([=] {
            coir::sleep_for(1s);
            return answer.try_send(1) == coir::channel_status::success;
        });
        int out = 0;
        const bool timed_out = answer.recv_for(1s, out) == coir::channel_status::timeout;
        const bool answered = server.join();
        require(!(timed_out && answered), "the answer was ignored");
    });
}

TEST_CASE("finds a group that waits for a member added too late") {
    finds("the member was not waited for", [] {
        coir::wait_group all;
        bool ended = false;
        auto starter = coir::go([&] {
            all.add(1); // belongs before the start
            ended = true;
            all.done();
        });
        all.wait();
        const bool seen = ended;
        starter.join();
        require(seen, "the member was not waited for");
    });
}

TEST_CASE("says so when a program depends on more than its schedule") {
    int calls = 0;
    try {
        explore({.schedules = 10}, [&] { require(++calls != 5, "the fifth call"); });
        CHECK(false);
    } catch (const failure& found) {
        CHECK(std::string{found.what()}.find("found by schedule 5 of 10") != std::string::npos);
        CHECK(std::string{found.what()}.find("once more did not fail so") != std::string::npos);
    }
}

TEST_CASE("reports a failure that is easy to read") {
    try {
        explore({.schedules = 1000, .seed = 3}, [] {
            int shared = 0;
            coir::wait_group all;
            for (int i = 0; i < 8; ++i) {
                all.go([&] {
                    for (int k = 0; k < 5; ++k) maybe_preempt();
                    const int seen = shared;
                    maybe_preempt();
                    shared = seen + 1;
                });
            }
            all.wait();
            require(shared == 8, "lost update");
        });
        CHECK(false);
    } catch (const failure& found) {
        const std::string steps = steps_of(found);
        int switches = 0;
        std::string last;
        for (std::size_t at = 0; (at = steps.find(" s  ", at)) != std::string::npos; at += 4) {
            const std::string who = steps.substr(at + 4, 2);
            switches += who != last ? 1 : 0;
            last = who;
        }
        INFO(std::string{found.what()});
        CHECK(switches > 0);
        CHECK(switches <= 13); // eight start, one is interrupted, main waits
    }
}

TEST_CASE("makes as many runs as it is asked for, differently from different starts") {
    const auto fingerprint = [](std::uint64_t start) {
        std::string orders;
        int runs = 0;
        explore({.schedules = 100, .seed = start}, [&] {
            ++runs;
            coir::wait_group all;
            for (char who = 'a'; who < 'd'; ++who) all.go([&orders, who] { orders += who; });
            all.wait();
        });
        CHECK(runs == 100);
        return orders;
    };
    CHECK(fingerprint(1) == fingerprint(1));
    CHECK(fingerprint(1) != fingerprint(2));
    explore({.schedules = 0}, [] { require(false, "called"); });
}
