// SPDX-License-Identifier: MIT
#include "farm/number_input.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <string>
#include <system_error>

namespace farm {

namespace {

std::string_view trim(std::string_view line) {
    constexpr std::string_view blank = " \t\r";
    line.remove_prefix(std::min(line.find_first_not_of(blank), line.size()));
    return line.substr(0, line.find_last_not_of(blank) + 1);
}

/// Returns the start of the line, without what could upset a terminal.
std::string excerpt(std::string_view line) {
    std::string text{line.substr(0, 60)};
    std::ranges::replace_if(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
    return line.size() > text.size() ? text + "..." : text;
}

} // namespace

std::optional<std::uint64_t> number_input::next() {
    while (const auto line = lines_.read_line()) {
        ++line_number_;
        const std::string_view text = trim(*line);
        if (text.empty()) continue;
        if (const auto number = parse(text)) return number;
    }
    return std::nullopt;
}

std::optional<std::uint64_t> number_input::parse(std::string_view text) {
    std::uint64_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    if (error == std::errc{} && stop == end) return number;
    const bool too_large = error == std::errc::result_out_of_range && stop == end;
    ++(too_large ? too_large_ : malformed_);
    fmt::print(stderr, "farm: line {}: \"{}\" is {}\n", line_number_, excerpt(text),
               too_large ? "larger than 18446744073709551615" : "not a number");
    return std::nullopt;
}

bool number_input::was_clean() const {
    if (malformed_ + too_large_ == 0) return true;
    fmt::print(stderr, "farm: {} malformed and {} too large lines left out\n", malformed_,
               too_large_);
    return false;
}

} // namespace farm
