// SPDX-License-Identifier: MIT
#include "http/byte_range.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

namespace web {
namespace {

/// Digits alone; more of them than fit are as good as the largest number.
std::optional<std::uint64_t> parse_position(std::string_view text) {
    std::uint64_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    if (text.empty() || stop != end) return std::nullopt;
    if (error == std::errc::result_out_of_range) return std::numeric_limits<std::uint64_t>::max();
    return error == std::errc{} ? std::optional{number} : std::nullopt;
}

} // namespace

std::optional<byte_range> parse_range(std::string_view field, std::uint64_t size) {
    constexpr std::string_view unit = "bytes=";
    const byte_range whole{0, size, false};
    if (!field.starts_with(unit)) return whole;
    field.remove_prefix(unit.size());
    const std::size_t dash = field.find('-');
    if (dash == std::string_view::npos) return whole;
    const std::string_view from = field.substr(0, dash);
    const std::string_view to = field.substr(dash + 1);
    const auto first = parse_position(from);
    const auto last = parse_position(to);
    if (from.empty()) { // the last so many
        if (!last) return whole;
        if (*last == 0 || size == 0) return std::nullopt;
        const std::uint64_t count = std::min(*last, size);
        return byte_range{size - count, count, true};
    }
    if (!first || (!last && !to.empty()) || (last && *last < *first)) return whole;
    if (*first >= size) return std::nullopt;
    const std::uint64_t end = last && *last < size ? *last + 1 : size;
    return byte_range{*first, end - *first, true};
}

std::string to_field(const byte_range& part, std::uint64_t size) {
    return fmt::format("bytes {}-{}/{}", part.first, part.first + part.size - 1, size);
}

} // namespace web
