// SPDX-License-Identifier: MIT
// Owns the matrix with which crossbeam compares channels: who sends to whom, over which buffer.
// Rows of coroutines are called `matrix_...`; those of plain threads on the same channels,
// `threads_...`. Per message; BENCH_MESSAGES in the environment is how many, else 5 million.

#include "row.hpp"

#include <array>
#include <iterator>
#include <optional>
#include <thread>
#include <tuple>
#include <utility>

namespace {

using message_channel = coir::chan<std::size_t>;

constexpr std::size_t parties = 4;

struct coroutine {
    using handle = coir::task<void>;
    template <typename Body> static handle start(Body body) { return coir::go(std::move(body)); }
};

struct os_thread {
    using handle = std::thread;
    template <typename Body> static handle start(Body body) { return handle{std::move(body)}; }
};

/// Starts `body` as many times as there are parties.
template <typename Party, typename Body>
void start_all(std::vector<typename Party::handle>& started, const Body& body) {
    for (std::size_t i = 0; i < parties; ++i) started.push_back(Party::start(body));
}

template <typename Party> void join_all(std::vector<typename Party::handle>& started) {
    for (auto& one : started) one.join();
}

void send_all(const message_channel& to, std::size_t messages) {
    for (std::size_t i = 0; i < messages; ++i) std::ignore = to.send(i);
}

void receive_all(const message_channel& from, std::size_t messages) {
    for (std::size_t i = 0; i < messages; ++i) benchmark::DoNotOptimize(from.recv());
}

/// Rendezvous and friends: an unbounded channel has no capacity.
using capacity = std::optional<std::size_t>;

message_channel make_channel(capacity wanted) {
    return wanted ? message_channel(*wanted) : message_channel(coir::unbounded);
}

void seq(capacity wanted, std::size_t messages) {
    const auto channel = make_channel(wanted);
    send_all(channel, messages);
    receive_all(channel, messages);
}

template <typename Party> void spsc(capacity wanted, std::size_t messages) {
    const auto channel = make_channel(wanted);
    auto producer = Party::start([=] { send_all(channel, messages); });
    receive_all(channel, messages);
    producer.join();
}

template <typename Party> void mpsc(capacity wanted, std::size_t messages) {
    const auto channel = make_channel(wanted);
    std::vector<typename Party::handle> all;
    start_all<Party>(all, [=] { send_all(channel, messages / parties); });
    receive_all(channel, messages);
    join_all<Party>(all);
}

template <typename Party> void mpmc(capacity wanted, std::size_t messages) {
    const auto channel = make_channel(wanted);
    std::vector<typename Party::handle> all;
    start_all<Party>(all, [=] { send_all(channel, messages / parties); });
    start_all<Party>(all, [=] { receive_all(channel, messages / parties); });
    join_all<Party>(all);
}

using channels = std::array<message_channel, parties>;

channels make_channels(capacity wanted) {
    channels made;
    for (auto& one : made) one = make_channel(wanted);
    return made;
}

void select_receive(const channels& from) {
    std::optional<std::size_t> got;
    std::apply([&](const auto&... one) { return coir::select(one.on_recv(got)...); }, from);
    benchmark::DoNotOptimize(got);
}

void select_send(const channels& to, std::size_t message) {
    std::apply(
        [&](const auto&... one) {
            return coir::select(one.on_send(message, [](bool sent) { std::ignore = sent; })...);
        },
        to);
}

template <typename Party> void select_rx(capacity wanted, std::size_t messages) {
    const auto from = make_channels(wanted);
    std::vector<typename Party::handle> all;
    for (const auto& one : from) {
        all.push_back(Party::start([one, messages] { send_all(one, messages / parties); }));
    }
    for (std::size_t i = 0; i < messages; ++i) select_receive(from);
    join_all<Party>(all);
}

template <typename Party> void select_both(capacity wanted, std::size_t messages) {
    const auto between = make_channels(wanted);
    std::vector<typename Party::handle> all;
    start_all<Party>(all, [=] {
        for (std::size_t i = 0; i < messages / parties; ++i) select_send(between, i);
    });
    start_all<Party>(all, [=] {
        for (std::size_t i = 0; i < messages / parties; ++i) select_receive(between);
    });
    join_all<Party>(all);
}

std::size_t message_count() {
    static const char* const wanted = std::getenv("BENCH_MESSAGES");
    return wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : bench::sized(5'000'000);
}

using workload = void (*)(capacity, std::size_t);

void measure(benchmark::State& state, workload one, capacity wanted) {
    const std::size_t messages = message_count();
    while (bench::goes_on(state, messages)) one(wanted, messages);
}

struct named_workload {
    const char* name;
    workload by_coroutines;
    workload by_threads;
};

constexpr std::array workloads{
    named_workload{"spsc", spsc<coroutine>, spsc<os_thread>},
    named_workload{"mpsc", mpsc<coroutine>, mpsc<os_thread>},
    named_workload{"mpmc", mpmc<coroutine>, mpmc<os_thread>},
    named_workload{"select_rx", select_rx<coroutine>, select_rx<os_thread>},
    named_workload{"select_both", select_both<coroutine>, select_both<os_thread>},
    // Last, because it is only for buffers that hold all.
    named_workload{"seq", seq, seq},
};

void register_flavour(const std::string& flavour, capacity wanted, bool holds_all) {
    for (const auto& one : workloads) {
        if (one.by_coroutines == seq && !holds_all) continue;
        const std::string name = flavour + "_" + one.name;
        const bench::row made{"matrix_" + name, [one, wanted](benchmark::State& state) {
                                  measure(state, one.by_coroutines, wanted);
                              }};
        const auto by_threads = [one, wanted](benchmark::State& state) {
            measure(state, one.by_threads, wanted);
        };
        // Not in a runtime; W only says how many cores they are meant for.
        benchmark::RegisterBenchmark(("threads_" + name).c_str(), by_threads)
            ->ArgName("W")
            ->Arg(2)
            ->MeasureProcessCPUTime()
            ->UseRealTime();
    }
}

const bool registered = [] {
    register_flavour("bounded0", 0, false);
    register_flavour("bounded1", 1, false);
    register_flavour("bounded", message_count(), true);
    register_flavour("unbounded", std::nullopt, true);
    return true;
}();

} // namespace

BENCHMARK_MAIN();
