// SPDX-License-Identifier: MIT
#pragma once
// Owns how the small examples take numbers from their command line.

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <system_error>

namespace command_line {

template <typename Number> struct range {
    Number least = 1;
    Number most = 1'000'000;
};

/// Returns the numbers that were given, and the usual ones for those left out at the end. One that
/// is none, or out of range, or too many ends the program with its usage and status 2.
template <typename Number, std::size_t Count>
std::array<Number, Count> numbers(int argc, char** argv, const char* usage,
                                  const Number (&usual)[Count], range<Number> valid = {}) {
    std::array<Number, Count> values = std::to_array(usual);
    const auto given = static_cast<std::size_t>(std::max(argc - 1, 0));
    bool good = given <= Count;
    for (std::size_t i = 0; good && i < given; ++i) {
        const char* const text = argv[i + 1];
        const char* const end = text + std::strlen(text);
        const auto [stop, error] = std::from_chars(text, end, values[i]);
        good = error == std::errc{} && stop == end && values[i] >= valid.least &&
               values[i] <= valid.most;
    }
    if (good) return values;
    std::fprintf(stderr, "usage: %s\n", usage);
    std::exit(2);
}

} // namespace command_line
