// SPDX-License-Identifier: MIT
// Owns the rows of select.

#include "row.hpp"

#include <array>
#include <tuple>

namespace {

template <std::size_t Cases> using channels = std::array<coir::chan<int>, Cases>;

template <std::size_t Cases> channels<Cases> make_channels(std::size_t capacity) {
    channels<Cases> made;
    for (auto& channel : made) channel = coir::chan<int>(capacity);
    return made;
}

template <std::size_t Cases, typename... More>
std::size_t select_receive(const channels<Cases>& from, More&&... more) {
    return std::apply(
        [&](const auto&... one) { return coir::select(one.on_recv()..., std::move(more)...); },
        from);
}

/// All channels hold a value; the one that was received from gets another. So an operation is a
/// select and a buffered send.
template <std::size_t Cases> void select_ready(benchmark::State& state) {
    const auto from = make_channels<Cases>(1);
    for (const auto& one : from) std::ignore = one.send(1);
    for (auto _ : state) std::ignore = from[select_receive(from)].send(1);
}

/// Nothing is ready.
template <std::size_t Cases> void select_poll(benchmark::State& state) {
    const auto from = make_channels<Cases>(1);
    for (auto _ : state) benchmark::DoNotOptimize(select_receive(from, coir::otherwise()));
}

/// Per item: a producer on each of the rendezvous channels, one selecting consumer.
template <std::size_t Cases> void select_park(benchmark::State& state) {
    const auto from = make_channels<Cases>(0);
    std::vector<coir::task<void>> producers;
    for (const auto& one : from) {
        producers.push_back(coir::go([one] {
            while (one.send(1)) {}
        }));
    }
    for (auto _ : state) benchmark::DoNotOptimize(select_receive(from));
    for (const auto& one : from) one.close();
    bench::join_all(producers);
}

const bench::row select_ready_2{"select_ready_2", select_ready<2>};
const bench::row select_ready_8{"select_ready_8", select_ready<8>};
const bench::row select_poll_2{"select_poll_2", select_poll<2>};
const bench::row select_poll_8{"select_poll_8", select_poll<8>};
const bench::row select_park_2{"select_park_2", select_park<2>};
const bench::row select_park_8{"select_park_8", select_park<8>};

} // namespace

BENCHMARK_MAIN();
