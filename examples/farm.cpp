// SPDX-License-Identifier: MIT
// Factors the numbers on standard input, one a line, and prints them as factor(1) does, in any
// order: `seq 1 100000 | farm`. The lecture's Farm v3.0: main sends the numbers into one unbounded
// channel, as many workers as there are CPUs receive from it until it is closed and drained. Lines
// that hold no number are told and counted; nothing else is lost.

#include "farm/number_input.hpp"
#include "farm/prime_factors.hpp"

#include <coir/coir.hpp>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

namespace {

/// Prints the line in one piece; false if standard output takes no more.
bool print_factors(std::uint64_t number) {
    std::string line = std::to_string(number) + ":";
    for (const std::uint64_t prime : farm::prime_factors(number))
        line += " " + std::to_string(prime);
    line += '\n';
    return std::fwrite(line.data(), 1, line.size(), stdout) == line.size();
}

void work(const coir::receiver<std::uint64_t>& numbers) {
    for (const std::uint64_t number : numbers)
        if (!print_factors(number)) return; // when the last worker has gone, main's send says so
}

int run_farm(std::size_t count) {
    auto [numbers_in, numbers] = coir::channel<std::uint64_t>(coir::unbounded);
    coir::task_group workers;
    for (std::size_t i = 0; i < count; ++i) workers.go({.name = "worker"}, work, numbers);
    numbers = nullptr; // now the workers alone hold the receiving end

    farm::number_input input; // waits for input as coroutines do: its thread goes on with others
    while (const auto number = input.next())
        if (!numbers_in.send(*number)) break;
    numbers_in = nullptr; // the last sender: the workers come to the end of the channel
    workers.wait();

    const bool was_clean = input.was_clean();
    if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0)
        return was_clean ? EXIT_SUCCESS : EXIT_FAILURE;
    fmt::print(stderr, "farm: cannot write the results\n");
    return EXIT_FAILURE;
}

} // namespace

int main(int argc, char** argv) try {
    CLI::App app{"Factors the numbers on standard input, one a line."};
    std::size_t workers = 0;
    app.add_option("--workers", workers, "How many; 0: one for each CPU")
        ->check(CLI::Range(0, 1024));
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 2;
    }
    coir::runtime runtime{{.workers = workers}};
    return runtime.run([&] { return run_farm(runtime.workers()); });
} catch (const std::exception& error) {
    fmt::print(stderr, "farm: {}\n", error.what());
    return EXIT_FAILURE;
}
