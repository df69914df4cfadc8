// SPDX-License-Identifier: MIT
// The rows of bench/ in Boost.Fiber. Prints `row nanoseconds`, one line each, for the rows named by
// the arguments, or for all; with --list their names. BENCH_WORKERS in the environment is how many
// threads: one runs round robin, more steal from one another. Stacks are pooled, of 16 KiB.

#include <boost/fiber/all.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace {

namespace fibers = boost::fibers;
using steady = std::chrono::steady_clock;

constexpr std::size_t million = 1'000'000;
/// How much a row does. Fibers that talk across threads take microseconds each time.
std::size_t operations = million;

double since(steady::time_point start, std::size_t count) {
    const std::chrono::duration<double, std::nano> passed = steady::now() - start;
    return passed.count() / static_cast<double>(count);
}

/// Each thread has a pool of its own, as the pool is not for sharing: a stack goes back to where it
/// came from only in a fiber that stays, so with several threads stacks come from malloc.
bool one_thread = true;

template <typename Body>
fibers::fiber start(Body body, fibers::launch when = fibers::launch::post) {
    constexpr std::size_t stack_bytes = std::size_t{16} * 1024;
    if (one_thread) {
        static fibers::pooled_fixedsize_stack pool{stack_bytes};
        return fibers::fiber{when, std::allocator_arg, pool, std::move(body)};
    }
    return fibers::fiber{when, std::allocator_arg, fibers::fixedsize_stack{stack_bytes},
                         std::move(body)};
}

void join_all(std::vector<fibers::fiber>& all) {
    for (auto& one : all) one.join();
    all.clear();
}

template <typename Between> double yield_in_turn(std::size_t count, Between between) {
    const std::size_t rounds = operations / count + 1;
    std::vector<fibers::fiber> all;
    const auto begun = steady::now();
    for (std::size_t i = 0; i < count; ++i) {
        all.push_back(start([rounds, between]() mutable {
            for (std::size_t round = 0; round < rounds; ++round) {
                between();
                boost::this_fiber::yield();
            }
        }));
    }
    join_all(all);
    return since(begun, count * rounds);
}

struct divide {
    double value = 1.0;
    void operator()() {
        volatile double kept = value / 3.0 + 1.0;
        value = kept;
    }
};

double start_and_join(std::size_t count, std::size_t times) {
    std::vector<fibers::fiber> all;
    all.reserve(count);
    const auto begun = steady::now();
    for (std::size_t i = 0; i < times; ++i) {
        for (std::size_t k = 0; k < count; ++k) all.push_back(start([] {}));
        join_all(all);
    }
    return since(begun, count * times);
}

using rendezvous = fibers::unbuffered_channel<std::size_t>;
using buffered = fibers::buffered_channel<std::size_t>;

double ping_pong() {
    rendezvous there;
    rendezvous back;
    auto echo = start([&] {
        for (const auto value : there) back.push(value);
    });
    const auto begun = steady::now();
    for (std::size_t i = 0; i < operations; ++i) {
        there.push(i);
        back.value_pop();
    }
    const double each = since(begun, operations);
    there.close();
    echo.join();
    return each;
}

template <typename Channel> double stream_over(Channel& items) {
    const auto begun = steady::now();
    auto producer = start([&] {
        for (std::size_t i = 0; i < operations; ++i) items.push(i);
        items.close();
    });
    volatile std::size_t sum = 0;
    for (const auto item : items) sum = sum + item;
    producer.join();
    return since(begun, operations);
}

double stream(std::size_t capacity) {
    if (capacity == 0) {
        rendezvous items;
        return stream_over(items);
    }
    // It wants a power of two, and holds one less.
    std::size_t slots = 2;
    while (slots <= capacity) slots *= 2;
    buffered items{slots};
    return stream_over(items);
}

double ring(std::size_t count) {
    const std::size_t rounds = operations / count + 1;
    std::vector<std::unique_ptr<rendezvous>> links;
    for (std::size_t i = 0; i < count; ++i) links.push_back(std::make_unique<rendezvous>());
    std::vector<fibers::fiber> members;
    for (std::size_t i = 1; i < count; ++i) {
        members.push_back(start([&from = *links[i - 1], &to = *links[i]] {
            for (const auto token : from) to.push(token);
            to.close();
        }));
    }
    const auto begun = steady::now();
    for (std::size_t round = 0; round < rounds; ++round) {
        links.front()->push(round);
        links.back()->value_pop();
    }
    const double each = since(begun, count * rounds);
    links.front()->close();
    join_all(members);
    return each;
}

template <typename Inside> double share_mutex(std::size_t count, Inside inside) {
    const std::size_t rounds = operations / count + 1;
    fibers::mutex mutex;
    volatile std::size_t shared = 0;
    std::vector<fibers::fiber> all;
    const auto begun = steady::now();
    for (std::size_t i = 0; i < count; ++i) {
        all.push_back(start([&, rounds] {
            for (std::size_t round = 0; round < rounds; ++round) {
                const std::lock_guard<fibers::mutex> guard{mutex};
                shared = shared + 1;
                inside();
            }
        }));
    }
    join_all(all);
    return since(begun, count * rounds);
}

/// Shared, because a child may still be inside of `push` when its parent has what it waited for.
using shared_channel = std::shared_ptr<buffered>;

/// The children begin at once, or all of the tree would be alive together; they report over a
/// buffered channel, which is the cheaper one for this.
void skynet(const shared_channel& parent, std::size_t first, std::size_t leaves) {
    if (leaves == 1) {
        parent->push(first);
        return;
    }
    const auto sums = std::make_shared<buffered>(16);
    for (std::size_t i = 0; i < 10; ++i) {
        const auto child = [sums, first, leaves, i] {
            skynet(sums, first + i * (leaves / 10), leaves / 10);
        };
        start(child, fibers::launch::dispatch).detach();
    }
    std::size_t sum = 0;
    for (std::size_t i = 0; i < 10; ++i) sum += sums->value_pop();
    parent->push(sum);
}

double skynet_over_channels() {
    const auto result = std::make_shared<buffered>(2);
    const auto begun = steady::now();
    start([result] { skynet(result, 0, million); }).detach();
    result->value_pop();
    return since(begun, 1);
}

struct row {
    const char* name;
    double (*run)();
};

constexpr std::array rows{
    row{"yield_2", [] { return yield_in_turn(2, [] {}); }},
    row{"yield_1000", [] { return yield_in_turn(1000, [] {}); }},
    row{"yield_float", [] { return yield_in_turn(2, divide{}); }},
    row{"spawn_join_1", [] { return start_and_join(1, operations); }},
    row{"spawn_join_1000", [] { return start_and_join(1000, operations / 1000); }},
    row{"ping_pong", [] { return ping_pong(); }},
    row{"stream_0", [] { return stream(0); }},
    row{"stream_1", [] { return stream(1); }},
    row{"stream_10", [] { return stream(10); }},
    row{"stream_100", [] { return stream(100); }},
    row{"stream_1000", [] { return stream(1000); }},
    row{"ring_503", [] { return ring(503); }},
    row{"ring_10000", [] { return ring(10'000); }},
    row{"mutex_1", [] { return share_mutex(1, [] {}); }},
    row{"mutex_100", [] { return share_mutex(100, [] {}); }},
    row{"mutex_100_yield", [] { return share_mutex(100, [] { boost::this_fiber::yield(); }); }},
    row{"skynet", [] { return skynet_over_channels(); }},
};

void measure(int count, char** arguments) {
    for (const auto& one : rows) {
        const auto named = [&](const char* text) { return std::strcmp(text, one.name) == 0; };
        if (count > 1 && std::none_of(arguments + 1, arguments + count, named)) continue;
        const auto begun = steady::now();
        double best = one.run();
        if (steady::now() - begun < std::chrono::milliseconds{300}) {
            best = std::min(best, one.run());
        }
        std::printf("%s %.1f\n", one.name, best);
    }
}

/// Runs `body` on this thread while `helpers` more steal from it.
template <typename Body> void with_helpers(std::uint32_t helpers, Body body) {
    fibers::mutex waits;
    fibers::condition_variable_any ended;
    bool done = false;
    const auto join_in = [&] {
        fibers::use_scheduling_algorithm<fibers::algo::work_stealing>(helpers + 1);
    };
    std::vector<std::thread> threads;
    for (std::uint32_t i = 0; i < helpers; ++i) {
        threads.emplace_back([&] {
            join_in();
            std::unique_lock<fibers::mutex> lock{waits};
            ended.wait(lock, [&] { return done; });
        });
    }
    join_in();
    body();
    {
        const std::lock_guard<fibers::mutex> guard{waits};
        done = true;
    }
    ended.notify_all();
    for (auto& one : threads) one.join();
}

} // namespace

int main(int count, char** arguments) {
    if (count > 1 && std::strcmp(arguments[1], "--list") == 0) {
        for (const auto& one : rows) std::puts(one.name);
        return 0;
    }
    const char* const wanted = std::getenv("BENCH_WORKERS");
    const int workers = wanted == nullptr ? 1 : std::atoi(wanted);
    one_thread = workers <= 1;
    if (!one_thread) operations = million / 10;
    if (one_thread) {
        measure(count, arguments);
    } else {
        with_helpers(static_cast<std::uint32_t>(workers - 1), [&] { measure(count, arguments); });
    }
    return 0;
}
