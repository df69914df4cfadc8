// SPDX-License-Identifier: MIT
// A thread pool over one channel: ten workers take the numbers 1 to 99 from it and compute how many
// steps each takes to 1 (halve it if even, else triple it and add one).
//
//     collatz [NUMBERS [WORKERS]]

#include "command_line/numbers.hpp"

#include <coir/coir.hpp>

#include <cstdint>
#include <cstdio>

namespace {

using number = std::uint64_t;

struct result {
    number start = 0;
    unsigned steps = 0;
    unsigned worker = 0;
};

unsigned collatz_steps(number n) {
    unsigned steps = 0;
    for (; n != 1; ++steps) n = n % 2 == 0 ? n / 2 : 3 * n + 1;
    return steps;
}

void work(unsigned worker, const coir::receiver<number>& numbers,
          const coir::sender<result>& results) {
    for (const number n : numbers) {
        if (!results.send({n, collatz_steps(n), worker})) return;
    }
}

void compute(number count, unsigned workers) {
    auto [results_in, results] = coir::channel<result>(16);
    {
        auto [numbers, numbers_out] = coir::channel<number>(16);
        for (unsigned i = 1; i <= workers; ++i) coir::go(work, i, numbers_out, results_in);
        results_in = nullptr; // the channel closes when the last worker has ended
        coir::go([count, out = std::move(numbers)] {
            for (number n = 1; n <= count; ++n) {
                if (!out.send(n)) return;
            }
        });
    }
    result longest;
    for (const result& one : results) {
        std::printf("%llu: %u steps (worker %u)\n", static_cast<unsigned long long>(one.start),
                    one.steps, one.worker);
        if (one.steps > longest.steps) longest = one;
    }
    std::printf("longest: %llu with %u steps\n", static_cast<unsigned long long>(longest.start),
                longest.steps);
}

} // namespace

int main(int argc, char** argv) {
    const auto [count, workers] =
        command_line::numbers<unsigned>(argc, argv, "collatz [NUMBERS [WORKERS]]", {99, 10});
    coir::run([&] { compute(count, workers); });
    return 0;
}
