// SPDX-License-Identifier: MIT
// Covers channels and select under explore: right programs pass every schedule.

#include "passes.hpp"

#include <optional>
#include <utility>

using namespace fixture;

namespace {

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

TEST_CASE("a select that waits to send learns of the close") {
    passes([] {
        const coir::chan<int> values;
        int sent = 0;
        int refused = 0;
        coir::wait_group all;
        for (int i = 0; i < 2; ++i) {
            all.go([&, i] {
                coir::select(values.on_send(i, [&](bool done) { ++(done ? sent : refused); }));
            });
        }
        const bool received = values.recv().has_value();
        values.close();
        all.wait();
        require(received && sent == 1 && refused == 1, "one of each");
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
