// SPDX-License-Identifier: MIT
// Covers coir itself under explore: right programs over channels, select, locks, groups, timers and
// cancellation pass every schedule. COIR_STRESS_SCALE=1000 makes it a search for bugs of coir's.

#include "fixture.hpp"

#include <coir/testing.hpp>

#include <deque>
#include <mutex>
#include <numeric>
#include <optional>
#include <set>
#include <shared_mutex>
#include <stdexcept>
#include <string>

using namespace fixture;

namespace {

void require(bool holds, const char* what) {
    if (!holds) throw std::logic_error(what);
}

template <class Body> void passes(Body body) {
    const leak_check leaks;
    try {
        coir::testing::explore(
            {.schedules = static_cast<std::size_t>(scaled(3000)), .seed = 2026, .depth = 4}, body);
    } catch (const coir::testing::failure& failed) {
        FAIL_CHECK(std::string{failed.what()});
    }
}

// Moving it, which coir does outside of its locks, may be interrupted at every step.
class slow_mover {
public:
    explicit slow_mover(int value) noexcept : value_{value} {}
    slow_mover(slow_mover&& other) noexcept : value_{interruptedly(other.value_)} {}
    slow_mover& operator=(slow_mover&& other) noexcept {
        value_ = interruptedly(other.value_);
        return *this;
    }
    ~slow_mover() { coir::testing::maybe_preempt(); }
    int value() const noexcept { return value_; }

private:
    static int interruptedly(int& from) noexcept {
        coir::testing::maybe_preempt();
        const int value = std::exchange(from, tracked::moved_from);
        coir::testing::maybe_preempt();
        return value;
    }
    int value_;
};

} // namespace

TEST_CASE("elements whose moves are interrupted arrive whole, once, and in order") {
    for (const std::size_t capacity : {std::size_t{0}, std::size_t{1}, std::size_t{2}, unlimited}) {
        INFO("capacity = ", capacity);
        passes([capacity] {
            const auto values = make_chan<slow_mover>(capacity);
            coir::wait_group producers;
            for (int who = 0; who < 2; ++who) {
                producers.go([=] {
                    for (int i = 0; i < 3; ++i) {
                        if (i == 1) {
                            coir::select(values.on_send(slow_mover{who * 10 + i},
                                                        [](bool sent) { require(sent, "sent"); }));
                        } else {
                            require(values.send(slow_mover{who * 10 + i}), "sent");
                        }
                    }
                });
            }
            auto closer = coir::go([&, values] {
                producers.wait();
                values.close();
            });
            std::array<int, 2> received{};
            coir::wait_group consumers;
            consumers.go([&, values] {
                for (std::optional<slow_mover> value; (value = values.recv());) {
                    require(value->value() >= 0, "whole");
                    ++received[static_cast<std::size_t>(value->value() / 10)];
                }
            });
            consumers.go([&, values] {
                for (bool open = true; open;) {
                    coir::select(values.on_recv([&](std::optional<slow_mover> value) {
                        open = value.has_value();
                        if (open) ++received[static_cast<std::size_t>(value->value() / 10)];
                    }));
                }
            });
            closer.join();
            consumers.wait();
            require(received[0] == 3 && received[1] == 3, "all");
        });
    }
}

TEST_CASE("one consumer gets each producer's interrupted elements in order") {
    for (const std::size_t capacity : {std::size_t{0}, std::size_t{1}, std::size_t{3}}) {
        passes([capacity] {
            const auto values = make_chan<slow_mover>(capacity);
            auto first = coir::go([=] {
                for (int i = 0; i < 4; ++i) require(values.send(slow_mover{i}), "sent");
            });
            auto second = coir::go([=] {
                for (int i = 10; i < 14; ++i) require(values.send(slow_mover{i}), "sent");
            });
            std::array<int, 2> next{0, 10};
            for (int i = 0; i < 8; ++i) {
                const int value = values.recv().value_or(slow_mover{-1}).value();
                require(value >= 0, "whole");
                require(next[static_cast<std::size_t>(value / 10)]++ == value, "in order");
            }
            first.join();
            second.join();
        });
    }
}

TEST_CASE("a close in the midst of moves refuses the rest and loses nothing") {
    for (const std::size_t capacity : {std::size_t{0}, std::size_t{1}, std::size_t{2}}) {
        passes([capacity] {
            const auto values = make_chan<slow_mover>(capacity);
            int sent = 0;
            int received = 0;
            coir::wait_group all;
            for (int who = 0; who < 2; ++who) {
                all.go([&, values] {
                    for (int i = 0; i < 2; ++i) {
                        slow_mover value{i};
                        if (values.send(std::move(value))) {
                            ++sent;
                        } else {
                            require(value.value() == i, "untouched");
                        }
                    }
                });
                all.go([&, values] {
                    while (values.recv()) ++received;
                });
            }
            all.go([values] { values.close(); });
            all.wait();
            require(sent == received, "sent == received");
        });
    }
}

TEST_CASE("a receiver that goes away in the midst of a move leaves nothing behind") {
    passes([] {
        auto [in, out] = coir::channel<slow_mover>(1);
        auto sender = coir::go([inlet = std::move(in)] {
            for (int i = 0; i < 3; ++i) {
                slow_mover value{i};
                if (!inlet.send(std::move(value))) {
                    require(value.value() == i, "untouched");
                    return;
                }
            }
        });
        auto taker = coir::go([outlet = std::move(out)] { static_cast<void>(outlet.recv()); });
        taker.request_stop();
        try {
            taker.join();
        } catch (const coir::task_cancelled&) {}
        sender.join();
    });
}

TEST_CASE("producers and consumers of a channel of any kind") {
    for (const std::size_t capacity : {std::size_t{0}, std::size_t{1}, std::size_t{3}, unlimited}) {
        INFO("capacity = ", capacity);
        passes([capacity] {
            auto both = make_chan<move_only>(capacity);
            coir::sender<move_only> in = both;
            coir::receiver<move_only> out = both;
            both = nullptr;
            int sum = 0;
            coir::wait_group all;
            for (int i = 1; i <= 2; ++i) {
                all.go([in, i] {
                    for (int k = 0; k < 3; ++k) require(in.send(move_only{i}), "sent");
                });
                all.go([out, &sum] {
                    for (const move_only& value : out) sum += value.value();
                });
            }
            in = nullptr; // the last sender to go closes
            out = nullptr;
            all.wait();
            require(sum == 9, "all arrived");
        });
    }
}

TEST_CASE("one producer's values arrive in order") {
    passes([] {
        const coir::chan<int> values(2);
        auto producer = coir::go([values] {
            for (int i = 0; i < 6; ++i) require(values.send(i), "sent");
            values.close();
        });
        int expected = 0;
        for (const int value : values) require(value == expected++, "in order");
        require(expected == 6, "all");
        producer.join();
    });
}

TEST_CASE("a cancelled send or receive loses no value and invents none") {
    for (const std::size_t capacity : {std::size_t{0}, std::size_t{1}}) {
        passes([capacity] {
            const auto values = make_chan<move_only>(capacity);
            int sent = 0;
            int received = 0;
            auto producer = coir::go([&, values] {
                for (int i = 0; i < 4; ++i) {
                    move_only value{i};
                    if (!values.send(std::move(value))) return;
                    ++sent;
                }
            });
            auto consumer = coir::go([&, values] {
                while (values.recv()) ++received;
            });
            auto stopper = coir::go([&] { consumer.request_stop(); });
            producer.request_stop();
            try {
                producer.join();
            } catch (const coir::task_cancelled&) {}
            stopper.join();
            try {
                consumer.join();
            } catch (const coir::task_cancelled&) {}
            std::optional<move_only> rest;
            while (values.try_recv(rest) == coir::channel_status::success) ++received;
            require(sent == received, "sent == received");
        });
    }
}

TEST_CASE("select commits exactly one case, also against other selects") {
    passes([] {
        const coir::chan<int> left, right, quit;
        int sent = 0;
        int received = 0;
        coir::wait_group all;
        for (int i = 0; i < 2; ++i) {
            all.go([&, left, right] {
                for (int k = 0; k < 3; ++k) {
                    coir::select(left.on_send(k, [&](bool done) { sent += done ? 1 : 0; }),
                                 right.on_send(k, [&](bool done) { sent += done ? 1 : 0; }));
                }
            });
        }
        auto consumer = coir::go([&, left, right, quit] {
            for (bool open = true; open;) {
                coir::select(left.on_recv([&](std::optional<int>) { ++received; }),
                             right.on_recv([&](std::optional<int>) { ++received; }),
                             quit.on_recv([&](std::optional<int>) { open = false; }));
            }
        });
        all.wait();
        quit.close();
        consumer.join();
        require(sent == 6 && received == 6, "six crossed");
    });
}

TEST_CASE("select with timeouts, with otherwise and on one channel twice") {
    passes([] {
        const coir::chan<int> values;
        int crossed = 0;
        int given_up = 0;
        const auto talk = [&] {
            for (int i = 0; i < 2; ++i) {
                const std::size_t chosen =
                    coir::select(values.on_recv([&](std::optional<int>) { ++crossed; }),
                                 values.on_send(i, [&](bool) { ++crossed; }),
                                 coir::on_timeout(1s, [&] { ++given_up; }));
                require(chosen < 3, "chosen");
            }
        };
        coir::wait_group all;
        for (int i = 0; i < 3; ++i) all.go(talk);
        all.wait();
        require(crossed % 2 == 0 && crossed + given_up == 6, "pairs");
        coir::select(values.on_recv(), coir::otherwise([&] { ++given_up; }));
    });
}

TEST_CASE("a mutex excludes and a condition variable wakes") {
    passes([] {
        coir::mutex guard;
        coir::condition_variable not_empty, not_full;
        std::deque<int> queue;
        int inside = 0;
        int sum = 0;
        coir::wait_group all;
        for (int who = 0; who < 2; ++who) {
            all.go([&] {
                for (int i = 1; i <= 2; ++i) {
                    std::unique_lock lock{guard};
                    not_full.wait(lock, [&] { return queue.empty(); });
                    require(++inside == 1, "alone");
                    coir::testing::maybe_preempt();
                    queue.push_back(i);
                    --inside;
                    not_empty.notify_one();
                }
            });
            all.go([&] {
                for (int i = 0; i < 2; ++i) {
                    std::unique_lock lock{guard};
                    not_empty.wait(lock, [&] { return !queue.empty(); });
                    require(++inside == 1, "alone");
                    coir::testing::maybe_preempt();
                    sum += queue.front();
                    queue.pop_front();
                    --inside;
                    not_full.notify_one();
                }
            });
        }
        all.wait();
        require(sum == 6, "sum");
    });
}

TEST_CASE("notify_all wakes all, and a wait that is cancelled has its mutex again") {
    passes([] {
        coir::mutex guard;
        coir::condition_variable changed;
        bool open = false;
        int through = 0;
        int given_up = 0;
        std::vector<coir::task<void>> waiting;
        for (int i = 0; i < 3; ++i) {
            waiting.push_back(coir::go([&] {
                std::unique_lock lock{guard};
                try {
                    changed.wait(lock, [&] { return open; });
                    ++through;
                } catch (const coir::cancelled&) {
                    require(lock.owns_lock(), "owned");
                    ++given_up;
                }
            }));
        }
        waiting[0].request_stop();
        {
            const std::scoped_lock lock{guard};
            open = true;
        }
        changed.notify_all();
        for (auto& task : waiting) {
            try {
                task.join();
            } catch (const coir::task_cancelled&) { // before its first instruction
                ++given_up;
            }
        }
        require(through + given_up == 3 && given_up <= 1, "all but one at most");
    });
}

TEST_CASE("a select that is cancelled or times out leaves no trace at its channels") {
    passes([] {
        const coir::chan<int> left(1), right;
        int taken = 0;
        auto chooser = coir::go([&] {
            for (;;) {
                coir::select(left.on_recv([&](std::optional<int>) { ++taken; }),
                             right.on_recv([&](std::optional<int>) { ++taken; }));
            }
        });
        int sent = 0;
        auto sender = coir::go([&] {
            for (int i = 0; i < 2; ++i) {
                sent += left.send_for(1s, int{i}) == coir::channel_status::success ? 1 : 0;
                sent += right.send_for(1s, int{i}) == coir::channel_status::success ? 1 : 0;
            }
        });
        chooser.request_stop();
        sender.join();
        try {
            chooser.join();
        } catch (const coir::task_cancelled&) {}
        int rest = 0;
        while (left.try_recv(rest) == coir::channel_status::success) ++taken;
        require(right.try_recv(rest) == coir::channel_status::empty, "nobody there");
        require(sent == taken, "sent == taken");
    });
}

TEST_CASE("timed waits for locks either have them or do not") {
    passes([] {
        coir::timed_mutex guard;
        coir::counting_semaphore<> slots{1};
        int inside = 0;
        coir::wait_group all;
        for (int i = 0; i < 3; ++i) {
            all.go([&] {
                if (guard.try_lock_for(1s)) {
                    require(++inside == 1, "alone");
                    coir::sleep_for(1s);
                    --inside;
                    guard.unlock();
                }
                if (slots.try_acquire_for(500ms)) {
                    coir::sleep_for(300ms);
                    slots.release();
                }
            });
        }
        all.wait();
        require(guard.try_lock(), "free at the end");
        guard.unlock();
        require(slots.try_acquire() && !slots.try_acquire(), "one permit at the end");
    });
}

TEST_CASE("a shared_mutex admits readers together and writers alone") {
    passes([] {
        coir::shared_mutex guard;
        int readers = 0;
        int writers = 0;
        coir::wait_group all;
        for (int i = 0; i < 3; ++i) {
            all.go([&] {
                const std::shared_lock reading{guard};
                ++readers;
                require(writers == 0, "no writer");
                coir::testing::maybe_preempt();
                --readers;
            });
            all.go([&] {
                const std::scoped_lock writing{guard};
                require(++writers == 1 && readers == 0, "alone");
                coir::testing::maybe_preempt();
                --writers;
            });
        }
        all.wait();
    });
}

TEST_CASE("latch, barrier, call_once and synchronized") {
    passes([] {
        coir::latch ready{3};
        int phases = 0;
        coir::barrier step{3, [&]() noexcept { ++phases; }};
        coir::once_flag once;
        int calls = 0;
        coir::synchronized<std::vector<int>> log;
        coir::wait_group all;
        for (int i = 0; i < 3; ++i) {
            all.go([&, i] {
                ready.arrive_and_wait();
                for (int phase = 1; phase <= 2; ++phase) {
                    step.arrive_and_wait();
                    require(phases >= phase, "a phase is over");
                }
                coir::call_once(once, [&] {
                    coir::yield();
                    ++calls;
                });
                require(calls == 1, "called");
                log.lock()->push_back(i);
            });
        }
        all.wait();
        require(log.lock()->size() == 3 && phases == 2, "all came through");
    });
}

TEST_CASE("a call_once that throws lets the next one try") {
    passes([] {
        coir::once_flag once;
        int tries = 0;
        coir::wait_group all;
        for (int i = 0; i < 3; ++i) {
            all.go([&] {
                try {
                    coir::call_once(once, [&] {
                        coir::testing::maybe_preempt();
                        if (++tries < 3) throw std::runtime_error("not yet");
                    });
                } catch (const std::runtime_error&) {}
            });
        }
        all.wait();
        require(tries == 3, "three tries");
    });
}

TEST_CASE("task groups: limits, members that add members, the first error, cancellation") {
    passes([] {
        int running = 0;
        int ended = 0;
        {
            coir::task_group group{{.limit = 2}};
            for (int i = 0; i < 4; ++i) {
                group.go([&] {
                    require(++running <= 2, "limit");
                    coir::yield();
                    --running;
                    ++ended;
                });
            }
            group.wait();
            require(ended == 4, "all ended");
        }
        coir::task_group failing;
        bool was_cancelled = false;
        failing.go([&] {
            try {
                coir::sleep_for(1h);
            } catch (const coir::cancelled&) {
                was_cancelled = true;
                throw;
            }
        });
        failing.go([] { throw std::runtime_error("first"); });
        bool thrown = false;
        try {
            failing.wait();
        } catch (const std::runtime_error&) {
            thrown = true;
        }
        require(thrown, "rethrown");
        static_cast<void>(was_cancelled); // it may have been stopped before its first instruction
    });
}

TEST_CASE("map, for_each, all and race") {
    passes([] {
        const std::vector<int> numbers{1, 2, 3, 4};
        const auto doubled = coir::map(
            numbers,
            [](int n) {
                coir::yield();
                return 2 * n;
            },
            2);
        require(doubled == std::vector{2, 4, 6, 8}, "in order");
        const auto [a, b] = coir::all([] { return 1; }, [] { return 2; });
        require(a + b == 3, "both");
        const int first = coir::race(
            [] {
                coir::sleep_for(1s);
                return 1;
            },
            [] {
                coir::sleep_for(2s);
                return 2;
            });
        require(first == 1, "the faster one");
        const int only =
            coir::race([]() -> int { throw std::runtime_error("no"); }, [] { return 7; });
        require(only == 7, "the one that succeeds");
    });
}

TEST_CASE("limits strike in time and nest") {
    passes([] {
        const coir::chan<int> never;
        const auto start = coir::clock::now();
        bool inner = false;
        try {
            coir::with_timeout(2s, [&] {
                try {
                    coir::with_timeout(1s, [&] { static_cast<void>(never.recv()); });
                } catch (const coir::timed_out&) {
                    inner = true;
                }
                coir::shield([] { coir::sleep_for(2s); });
                static_cast<void>(never.recv());
            });
            require(false, "not reached");
        } catch (const coir::timed_out&) {}
        require(inner && coir::clock::now() - start == 3s, "in time");
    });
}

TEST_CASE("timers that are reset and stopped leave no stale tick") {
    passes([] {
        coir::timer limit{1s};
        auto other = coir::go([] { coir::sleep_for(1s); });
        coir::sleep_for(1s);
        const auto start = coir::clock::now();
        limit.reset(5s);
        const auto tick = limit.recv();
        require(tick && *tick - start == 5s, "the new one");
        limit.reset(1s);
        limit.stop();
        require(coir::select(limit.on_recv(), coir::on_timeout(1h)) == 1, "stopped");
        other.join();
    });
}

TEST_CASE("requests to stop meet tasks at any moment") {
    passes([] {
        const coir::chan<int> values;
        std::vector<coir::task<int>> tasks;
        for (int i = 0; i < 3; ++i) {
            tasks.push_back(coir::go([values, i] {
                if (i == 0) coir::yield();
                return values.recv().value_or(-1);
            }));
        }
        auto stopper = coir::go([&] {
            for (auto& task : tasks) task.request_stop();
        });
        stopper.join();
        for (auto& task : tasks) {
            bool cancelled = false;
            try {
                static_cast<void>(task.join());
            } catch (const coir::task_cancelled&) {
                cancelled = true;
            }
            require(cancelled, "nothing was ever sent");
        }
    });
}

TEST_CASE("stop callbacks run and may wait while a limit strikes") {
    passes([] {
        const coir::chan<int> told(1);
        bool timed_out = false;
        try {
            coir::with_timeout(1s, [&] {
                const std::stop_callback callback{coir::this_task::stop_token(), [&] {
                                                      coir::sleep_for(1s);
                                                      static_cast<void>(told.try_send(1));
                                                  }};
                coir::sleep_for(1h);
            });
        } catch (const coir::timed_out&) {
            timed_out = true;
        }
        require(timed_out && told.size() == 1, "told");
    });
}

TEST_CASE("a pipeline of stages with a worker pool ends by itself") {
    passes([] {
        auto [numbers_in, numbers] = coir::channel<int>(2);
        auto [squares_in, squares] = coir::channel<int>();
        auto source = coir::go([out = std::move(numbers_in)] {
            for (int i = 1; i <= 4; ++i) require(out.send(i), "sent");
        });
        std::vector<coir::task<void>> pool;
        for (int i = 0; i < 3; ++i) {
            pool.push_back(coir::go([in = numbers, out = squares_in] {
                for (const int n : in) require(out.send(n * n), "sent");
            }));
        }
        squares_in = nullptr;
        numbers = nullptr;
        int sum = 0;
        for (const int square : squares) sum += square;
        require(sum == 30, "sum");
        source.join();
        for (auto& worker : pool) worker.join();
    });
}

TEST_CASE("coroutine-locals stay with their coroutine") {
    passes([] {
        coir::local<int> mine;
        coir::wait_group all;
        for (int i = 1; i <= 3; ++i) {
            all.go([&, i] {
                mine.set(i);
                coir::yield();
                require(*mine == i, "mine");
            });
        }
        all.wait();
        require(*mine == 0, "untouched");
    });
}
