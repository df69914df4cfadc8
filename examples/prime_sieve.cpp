// SPDX-License-Identifier: MIT
// Prints the first N primes (`prime_sieve 20`) with the chained sieve that every book on channels
// has: a generator, and for each prime a coroutine that lets only what it does not divide pass on.

#include "command_line/numbers.hpp"

#include <coir/coir.hpp>

#include <cstdio>
#include <utility>

namespace {

void generate(const coir::sender<int>& numbers) {
    for (int n = 2; numbers.send(n); ++n) {} // until nobody is left to receive
}

void filter(const coir::receiver<int>& in, const coir::sender<int>& out, int prime) {
    for (const int n : in)
        if (n % prime != 0 && !out.send(n)) return;
}

/// Each link ends when the one after it is gone: dropping the last receiver takes the chain down.
void print_primes(int count) {
    coir::receiver<int> last;
    {
        auto [tx, rx] = coir::channel<int>();
        coir::go(generate, std::move(tx));
        last = std::move(rx);
    }
    for (int i = 0; i < count; ++i) {
        const int prime = last.recv().value();
        std::printf("%d\n", prime);
        auto [tx, rx] = coir::channel<int>();
        coir::go(filter, std::move(last), std::move(tx), prime);
        last = std::move(rx);
    }
}

} // namespace

int main(int argc, char** argv) {
    const auto [count] =
        command_line::numbers<int>(argc, argv, "prime_sieve [HOW_MANY]", {30}, {.least = 0});
    coir::run([&] { print_primes(count); });
    return 0;
}
