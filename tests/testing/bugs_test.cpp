// SPDX-License-Identifier: MIT
// Covers explore: it finds the classic bugs, in programs written for it, and each seed that it
// reports has the same failure again, every time.

#include "fixture.hpp"

#include <coir/testing.hpp>

#include <array>
#include <deque>
#include <stdexcept>
#include <string>

using namespace fixture;
using coir::testing::explore;
using coir::testing::failure;
using coir::testing::maybe_preempt;
using coir::testing::simulate;

namespace {

void require(bool holds, const char* what) {
    if (!holds) throw std::logic_error(what);
}

// What a failed run says, but for how it was found.
std::string line_of(const failure& failed) {
    const std::string text = failed.what();
    return text.substr(0, text.find('\n'));
}

std::string steps_of(const failure& failed) {
    const std::string text = failed.what();
    const auto at = text.find("the last steps");
    return at == std::string::npos ? "" : text.substr(at);
}

/// Asserts that a search finds the bug, with `expected` in its first line, and that its seed has it
/// again a hundred times, step by step. Searches from several starts, so that luck is no excuse.
template <class Body> void finds(const std::string& expected, Body body) {
    for (std::uint64_t start = 1; start <= 5; ++start) {
        INFO("start = ", start);
        try {
            explore({.schedules = 10'000, .seed = start}, body);
            CHECK_MESSAGE(false, "not found");
            continue;
        } catch (const failure& found) {
            INFO(std::string{found.what()});
            CHECK(line_of(found).find(expected) != std::string::npos);
            CHECK(std::string{found.what()}.find("once more did not fail so") == std::string::npos);
            CHECK(!steps_of(found).empty());
            for (int i = 0; i < 100; ++i) {
                try {
                    simulate({.seed = found.seed()}, body);
                    CHECK_MESSAGE(false, "did not fail again");
                } catch (const failure& again) {
                    CHECK(line_of(again) == line_of(found));
                    CHECK(again.seed() == found.seed());
                }
            }
        }
    }
}

} // namespace

TEST_CASE("finds a lost update") {
    finds("lost update", [] {
        coir::mutex guard;
        int balance = 0;
        coir::wait_group all;
        for (int i = 0; i < 2; ++i) {
            all.go([&] {
                int seen = 0;
                {
                    const std::scoped_lock reading{guard};
                    seen = balance;
                }
                const std::scoped_lock writing{guard}; // what was read may be old
                balance = seen + 1;
            });
        }
        all.wait();
        require(balance == 2, "lost update");
    });
}

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

TEST_CASE("finds a deadlock by lock order") {
    finds("deadlock", [] {
        std::array<coir::mutex, 3> forks;
        coir::wait_group table;
        for (std::size_t i = 0; i < forks.size(); ++i) {
            table.go([&forks, i] {
                const std::scoped_lock left{forks[i]};
                const std::scoped_lock right{forks[(i + 1) % forks.size()]};
            });
        }
        table.wait();
    });
}

TEST_CASE("finds a missed notification") {
    finds("deadlock", [] {
        coir::mutex guard;
        coir::condition_variable changed;
        std::atomic<bool> ready{false};
        auto waiter = coir::go([&] {
            if (ready.load()) return; // looked at outside of the lock
            std::unique_lock lock{guard};
            changed.wait(lock);
        });
        ready.store(true);
        changed.notify_one();
        waiter.join();
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

// A stack whose nodes are used again, with a compare-exchange that only compares the address.
class aba_stack {
public:
    static constexpr int nobody = -1;

    int pop() {
        for (;;) {
            const int top = head_;
            if (top == nobody) return nobody;
            maybe_preempt();
            const int below = next_[static_cast<std::size_t>(top)];
            maybe_preempt();
            if (head_ != top) continue; // compare ...
            head_ = below;              // ... and exchange, in one
            return top;
        }
    }
    void push(int node) {
        maybe_preempt();
        next_[static_cast<std::size_t>(node)] = head_;
        head_ = node;
    }

private:
    int head_ = 0;
    std::array<int, 3> next_{1, 2, nobody};
};

TEST_CASE("finds an ABA") {
    finds("two own one node", [] {
        aba_stack free_nodes;
        std::array<int, 3> owners{};
        const auto take = [&] {
            const int node = free_nodes.pop();
            if (node == aba_stack::nobody) return node;
            require(++owners[static_cast<std::size_t>(node)] == 1, "two own one node");
            return node;
        };
        const auto give = [&](int node) {
            if (node == aba_stack::nobody) return;
            --owners[static_cast<std::size_t>(node)];
            free_nodes.push(node);
        };
        auto first = coir::go([&] { take(); });
        auto second = coir::go([&] {
            const int a = take();
            take();
            give(a); // the old top is back, with another below it
            take();
        });
        first.join();
        second.join();
    });
}

TEST_CASE("finds a race of select with close") {
    finds("send on a closed channel", [] {
        const coir::chan<int> work(1), quit;
        auto worker = coir::go([=] {
            while (!work.closed()) {
                // Open a moment ago. A handler that takes a bool would be told.
                if (coir::select(work.on_send(1), quit.on_recv()) == 1) return;
                int taken = 0;
                static_cast<void>(work.try_recv(taken));
            }
        });
        coir::yield();
        work.close();
        quit.close();
        worker.join();
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

TEST_CASE("finds a cancellation that loses a value") {
    finds("a value was lost", [] {
        const coir::chan<int> in(1), out(1);
        auto mover = coir::go([=] {
            for (;;) {
                const std::optional<int> value = in.recv();
                if (!value || !out.send(*value + 0)) return; // cancelled in between: it is gone
            }
        });
        auto feeder = coir::go([=] {
            for (int i = 0; i < 3; ++i) {
                if (!in.send(i)) return;
            }
            in.close();
        });
        int received = 0;
        if (out.recv()) ++received;
        mover.request_stop();
        try {
            mover.join();
        } catch (const coir::task_cancelled&) {}
        while (in.recv()) ++received; // whoever takes over gets the rest
        int left = 0;
        while (out.try_recv(left) == coir::channel_status::success) ++received;
        feeder.join();
        require(received == 3, "a value was lost");
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
