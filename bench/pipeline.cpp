// SPDX-License-Identifier: MIT
// Owns the rows of whole programs: the prime sieve and skynet. An operation is the program.

#include "row.hpp"

#include <array>
#include <optional>
#include <utility>

namespace {

void generate(const coir::sender<int>& out) {
    for (int number = 2; out.send(number); ++number) {}
}

void filter(const coir::receiver<int>& in, const coir::sender<int>& out, int prime) {
    for (const int number : in) {
        if (number % prime != 0 && !out.send(number)) return;
    }
}

/// The first `count` primes from a chain of filters, one for each prime. Dropping the last
/// receiver ends the chain, link by link.
void sieve(std::size_t count) {
    auto [first, numbers] = coir::channel<int>();
    coir::go(generate, std::move(first));
    for (std::size_t i = 0; i < count; ++i) {
        const std::optional<int> prime = numbers.recv();
        benchmark::DoNotOptimize(prime);
        auto [tx, rx] = coir::channel<int>();
        coir::go(filter, std::exchange(numbers, std::move(rx)), std::move(tx), prime.value_or(2));
    }
}

constexpr std::size_t fan_out = 10;

/// Every node sums what its children send over a channel.
void skynet(const coir::sender<std::size_t>& parent, std::size_t first, std::size_t leaves) {
    if (leaves == 1) {
        std::ignore = parent.send(first);
        return;
    }
    auto [tx, rx] = coir::channel<std::size_t>();
    for (std::size_t i = 0; i < fan_out; ++i) {
        coir::go(skynet, tx, first + i * (leaves / fan_out), leaves / fan_out);
    }
    std::size_t sum = 0;
    for (std::size_t i = 0; i < fan_out; ++i) sum += rx.recv().value_or(0);
    std::ignore = parent.send(sum);
}

std::size_t skynet_by_join(std::size_t first, std::size_t leaves) {
    if (leaves == 1) return first;
    std::array<coir::task<std::size_t>, fan_out> children;
    for (std::size_t i = 0; i < fan_out; ++i) {
        children[i] = coir::go(skynet_by_join, first + i * (leaves / fan_out), leaves / fan_out);
    }
    std::size_t sum = 0;
    for (auto& child : children) sum += child.join();
    return sum;
}

const bench::row sieve_row{"sieve_4000", [](benchmark::State& state) {
                               for (auto _ : state) sieve(bench::sized(4000));
                           }};

// The first round is not measured: it pays for the pages of the stacks, which is another row.
const bench::row skynet_row{"skynet", [](benchmark::State& state) {
                                const auto [tx, rx] = coir::channel<std::size_t>();
                                const auto once = [&] {
                                    coir::go(skynet, tx, std::size_t{0}, bench::sized(1'000'000));
                                    benchmark::DoNotOptimize(rx.recv());
                                };
                                once();
                                for (auto _ : state) once();
                            }};

const bench::row skynet_join{"skynet_join", [](benchmark::State& state) {
                                 const auto once = [] {
                                     benchmark::DoNotOptimize(
                                         skynet_by_join(0, bench::sized(1'000'000)));
                                 };
                                 once();
                                 for (auto _ : state) once();
                             }};

} // namespace

BENCHMARK_MAIN();
