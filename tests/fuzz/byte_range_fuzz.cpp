// SPDX-License-Identifier: MIT
// Compares the Range field of the HTTP examples with another reading of RFC 9110.
//
// The input: the size of the file in decimal, a colon, the field.

#include "fuzz_input.hpp"
#include "http/byte_range.hpp"

#include <algorithm>
#include <charconv>
#include <string>

using fuzz::insist;

namespace {

__extension__ using wide = unsigned __int128; // holds whatever is compared here

/// Digits as a number, at most the largest of 64 bits; nothing for anything else.
std::optional<wide> number(std::string_view digits) {
    if (digits.empty()) return std::nullopt;
    constexpr wide largest = UINT64_MAX;
    wide value = 0;
    for (const char digit : digits) {
        if (digit < '0' || digit > '9') return std::nullopt;
        value = std::min(largest, value * 10 + static_cast<wide>(digit - '0'));
    }
    return value;
}

struct reading {
    enum { whole, none, part } what = whole;
    wide first = 0;
    wide behind = 0;
};

reading read(std::string_view field, wide size) {
    if (field.substr(0, 6) != "bytes=") return {};
    const std::string_view range = field.substr(6);
    const std::size_t dash = range.find('-');
    if (dash == std::string_view::npos) return {};
    const auto left = number(range.substr(0, dash));
    const auto right = number(range.substr(dash + 1));
    if (dash == 0) {
        if (!right) return {};
        if (*right == 0 || size == 0) return {reading::none};
        return {reading::part, size - std::min(size, *right), size};
    }
    if (!left || (!right && dash + 1 != range.size())) return {};
    if (right && *right < *left) return {};
    if (*left >= size) return {reading::none};
    return {reading::part, *left, right ? std::min(size, *right + 1) : size};
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    const std::string_view input = fuzz::as_text(data, bytes);
    const std::size_t colon = input.find(':');
    if (colon == std::string_view::npos) return 0;
    const auto given = number(input.substr(0, colon));
    if (!given) return 0;
    const auto size = static_cast<std::uint64_t>(*given);
    const std::string_view field = input.substr(colon + 1);
    const reading expected = read(field, size);
    const auto got = web::parse_range(field, size);
    insist(got.has_value() == (expected.what != reading::none), "refused or not");
    if (!got) return 0;
    insist(got->is_part == (expected.what == reading::part), "a part or the whole");
    if (!got->is_part) {
        insist(got->first == 0 && got->size == size, "the whole");
        return 0;
    }
    insist(got->first == expected.first, "where it begins");
    insist(wide{got->first} + got->size == expected.behind, "where it ends");
    insist(got->size != 0 && got->first < size && got->size <= size - got->first, "in the file");
    const std::string last = std::to_string(got->first + (got->size - 1));
    insist(web::to_field(*got, size) ==
               "bytes " + std::to_string(got->first) + "-" + last + "/" + std::to_string(size),
           "the answer's field");
    return 0;
}
