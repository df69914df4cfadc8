// SPDX-License-Identifier: MIT
// Stresses exactly-once delivery: a million messages (ten with COIR_STRESS_SCALE=10) through mixed
// channels, plain, timed, polled and selecting ends, coroutines and OS threads.

#include "fixture.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <random>

using namespace fixture;
using coir::channel_status;

namespace {

/// Which message numbers have come out, each once.
class ledger {
public:
    explicit ledger(int count) : seen_(static_cast<std::size_t>(count)) {}

    // Relaxed: only the counts matter, and they are read after all have been joined.
    void enter(int number) {
        seen_[static_cast<std::size_t>(number)].fetch_add(1, std::memory_order_relaxed);
        entered_.fetch_add(1, std::memory_order_relaxed);
    }
    /// How many have come out so far.
    int total() const { return entered_.load(std::memory_order_relaxed); }
    void check_each_once() const {
        std::size_t lost = 0;
        std::size_t doubled = 0;
        for (const auto& times : seen_) {
            lost += times.load(std::memory_order_relaxed) == 0;
            doubled += times.load(std::memory_order_relaxed) > 1;
        }
        CHECK(lost == 0);
        CHECK(doubled == 0);
    }

private:
    std::vector<std::atomic<std::uint8_t>> seen_;
    std::atomic<int> entered_{0};
};

using network = std::array<coir::chan<int>, 4>;

/// Sends [first, last) in the manner chosen, moving to the next channel after each message.
void produce(const network& channels, int manner, int first, int last) {
    std::minstd_rand random(static_cast<unsigned>(first) + 1);
    for (int number = first; number < last; ++number) {
        const auto& ch = channels[random() % channels.size()];
        const auto& other = channels[random() % channels.size()];
        switch (manner) {
        case 0: static_cast<void>(ch.send(number)); break;
        case 1:
            coir::select(channels[0].on_send(number), channels[1].on_send(number),
                         channels[2].on_send(number), channels[3].on_send(number));
            break;
        case 2:
            while (ch.try_send(number) != channel_status::success)
                if (other.send_for(20us, number) == channel_status::success) break;
            break;
        default:
            while (coir::select(ch.on_send(number), other.on_send(number),
                                coir::on_timeout(50us)) == 2) {}
        }
    }
}

/// Receives in the manner chosen until every channel is closed and drained.
void consume(network channels, int manner, ledger& out) {
    std::size_t open = channels.size();
    std::minstd_rand random(static_cast<unsigned>(manner) + 7);
    const auto settle = [&](std::size_t index, const std::optional<int>& value) {
        if (value) {
            out.enter(*value);
        } else if (channels[index] != nullptr) {
            channels[index] = nullptr;
            --open;
        }
    };
    while (open > 0) {
        const std::size_t index = random() % channels.size();
        const auto& ch = channels[index];
        std::optional<int> value;
        if (manner == 1 || ch == nullptr) {
            const std::size_t chosen =
                coir::select(channels[0].on_recv(value), channels[1].on_recv(value),
                             channels[2].on_recv(value), channels[3].on_recv(value));
            settle(chosen, value);
        } else if (manner == 0) {
            if (ch.recv_for(100us, value) != channel_status::timeout) settle(index, value);
        } else if (manner == 2) {
            auto status = ch.try_recv(value);
            if (status == channel_status::empty) status = ch.recv_for(20us, value);
            if (status != channel_status::timeout) settle(index, value);
        } else if (coir::select(ch.on_recv(value), coir::on_timeout(50us)) == 0) {
            settle(index, value);
        }
    }
}

void deliver(crew& members, int count) {
    ledger out(count);
    const network channels{coir::chan<int>{}, coir::chan<int>(1), coir::chan<int>(64),
                           coir::chan<int>(coir::unbounded)};
    static constexpr int producers = 8;
    std::atomic<int> producing{producers};
    for (int p = 0; p < producers; ++p)
        members.start([&, p] {
            const auto share = [&](int i) {
                return static_cast<int>(std::int64_t{count} * i / producers);
            };
            produce(channels, p % 4, share(p), share(p + 1));
            // acq_rel: the last one closes after all the others' sends.
            if (producing.fetch_sub(1, std::memory_order_acq_rel) == 1)
                for (const auto& ch : channels) ch.close();
        });
    for (int c = 0; c < 8; ++c) members.start([&, c] { consume(channels, c % 4, out); });
    members.join();
    out.check_each_once();
}

} // namespace

TEST_CASE("every message arrives exactly once, from coroutines to coroutines") {
    for (const int workers : worker_counts) {
        INFO("workers = ", workers);
        const leak_check leaks;
        coir::run(with_workers(workers), [&] {
            crew members{workers};
            deliver(members, scaled(300'000));
        });
    }
}

TEST_CASE("every message arrives exactly once, between OS threads") {
    const leak_check leaks;
    crew members{0};
    deliver(members, scaled(50'000));
}

TEST_CASE("every message arrives exactly once, between coroutines and OS threads") {
    const leak_check leaks;
    const int count = scaled(50'000) / 4 * 4;
    ledger out(count);
    const network channels{coir::chan<int>{}, coir::chan<int>(1), coir::chan<int>(64),
                           coir::chan<int>(coir::unbounded)};
    crew threads{0};
    coir::run(with_workers(2), [&] {
        crew coroutines{2};
        for (int i = 0; i < 4; ++i) {
            // Half of each side's producers and consumers on either side.
            crew& here = i % 2 == 0 ? threads : coroutines;
            crew& there = i % 2 == 0 ? coroutines : threads;
            here.start([&, i] { produce(channels, i, count / 4 * i, count / 4 * (i + 1)); });
            there.start([&, i] { consume(channels, i, out); });
            here.start([&, i] { consume(channels, i, out); });
        }
        coroutines.wait_until([&] { return out.total() == count; });
        for (const auto& ch : channels) ch.close();
        coroutines.join();
        coir::blocking([&] { threads.join(); });
    });
    out.check_each_once();
}

TEST_CASE("values that own memory arrive exactly once, and none leaks") {
    for_each_crew([](crew& members) {
        const int count = scaled(20'000);
        const coir::chan<std::unique_ptr<int>> ch(3);
        std::atomic<std::int64_t> sum{0};
        for (int p = 0; p < 4; ++p)
            members.start([ch, p, count] {
                for (int i = p; i < count; i += 4) {
                    auto value = std::make_unique<int>(i);
                    if (i % 3 == 0)
                        coir::select(ch.on_send(std::move(value)));
                    else
                        CHECK(ch.send(std::move(value)));
                }
            });
        for (int c = 0; c < 4; ++c)
            members.start([&, ch, c] {
                for (int i = c; i < count; i += 4) {
                    std::optional<std::unique_ptr<int>> value;
                    if (i % 2 == 0)
                        coir::select(ch.on_recv(value));
                    else
                        value = ch.recv();
                    sum.fetch_add(**value, std::memory_order_relaxed);
                }
            });
        members.join();
        CHECK(sum.load() == std::int64_t{count} * (count - 1) / 2);
    });
}
