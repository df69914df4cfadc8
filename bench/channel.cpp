// SPDX-License-Identifier: MIT
// Owns the rows of channels between two coroutines and round a ring.

#include "row.hpp"

#include <string>
#include <tuple>

namespace {

/// Per round trip: two coroutines, two rendezvous channels.
void ping_pong(benchmark::State& state) {
    const coir::chan<int> there;
    const coir::chan<int> back;
    auto echo = coir::go([there, back] {
        for (const int value : there) {
            if (!back.send(value)) return;
        }
    });
    for (auto _ : state) {
        std::ignore = there.send(1);
        benchmark::DoNotOptimize(back.recv());
    }
    there.close();
    echo.join();
}

/// Per item: one producer, one consumer.
void stream(benchmark::State& state, std::size_t capacity) {
    const std::size_t count = bench::sized(1'000'000);
    while (bench::goes_on(state, count)) {
        const coir::chan<std::size_t> items(capacity);
        auto producer = coir::go([items, count] {
            for (std::size_t i = 0; i < count; ++i) std::ignore = items.send(i);
            items.close();
        });
        std::size_t sum = 0;
        for (const std::size_t item : items) sum += item;
        benchmark::DoNotOptimize(sum);
        producer.join();
    }
}

/// Per hop: a token goes round `count` coroutines.
void ring(benchmark::State& state, std::size_t count) {
    const std::size_t rounds = bench::sized(1'000'000) / count + 1;
    std::vector<coir::chan<int>> links(count);
    std::vector<coir::task<void>> members;
    for (std::size_t i = 1; i < count; ++i) {
        members.push_back(coir::go([from = links[i - 1], to = links[i]] {
            for (const int token : from) {
                if (!to.send(token)) return;
            }
            to.close();
        }));
    }
    while (bench::goes_on(state, count * rounds)) {
        for (std::size_t round = 0; round < rounds; ++round) {
            std::ignore = links.front().send(1);
            benchmark::DoNotOptimize(links.back().recv());
        }
    }
    links.front().close();
    bench::join_all(members);
}

const bench::row ping_pong_row{"ping_pong", ping_pong};

const bench::row stream_0{"stream_0", [](benchmark::State& state) { stream(state, 0); }};
const bench::row stream_1{"stream_1", [](benchmark::State& state) { stream(state, 1); }};
const bench::row stream_10{"stream_10", [](benchmark::State& state) { stream(state, 10); }};
const bench::row stream_100{"stream_100", [](benchmark::State& state) { stream(state, 100); }};
const bench::row stream_1000{"stream_1000", [](benchmark::State& state) { stream(state, 1000); }};

const bench::row ring_503{"ring_503", [](benchmark::State& state) { ring(state, 503); }};
const bench::row ring_10000{"ring_10000",
                            [](benchmark::State& state) { ring(state, bench::sized(10'000)); }};

} // namespace

BENCHMARK_MAIN();
