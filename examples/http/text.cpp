// SPDX-License-Identifier: MIT
#include "http/text.hpp"

#include <fmt/format.h>

#include <cstdint>

namespace web {
namespace {

/// Returns the length of the well-formed UTF-8 sequence at the front of `text`, or 0 (RFC 3629).
std::size_t sequence_length(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = byte(0);
    const std::size_t length = first < 0x80                    ? 1u
                               : first >= 0xc2 && first < 0xe0 ? 2u
                               : first >= 0xe0 && first < 0xf0 ? 3u
                               : first >= 0xf0 && first < 0xf5 ? 4u
                                                               : 0u;
    if (length == 0 || length > text.size()) return 0;
    for (std::size_t i = 1; i < length; ++i)
        if ((byte(i) & 0xc0) != 0x80) return 0;
    if (length < 3) return length;
    const bool overlong = (first == 0xe0 && byte(1) < 0xa0) || (first == 0xf0 && byte(1) < 0x90);
    const bool surrogate = first == 0xed && byte(1) >= 0xa0;
    const bool too_large = first == 0xf4 && byte(1) >= 0x90;
    return overlong || surrogate || too_large ? 0 : length;
}

} // namespace

std::string printable(std::string_view text) {
    std::string clean;
    clean.reserve(text.size());
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7f)
            clean += fmt::format("\\x{:02x}", byte);
        else
            clean += c;
    }
    return clean;
}

std::string json_string(std::string_view text) {
    std::string quoted = "\"";
    while (!text.empty()) {
        const std::size_t length = sequence_length(text);
        const char c = text.front();
        if (length == 0)
            quoted += "\\ufffd";
        else if (c == '"' || c == '\\')
            quoted.append({'\\', c});
        else if (length == 1 && static_cast<unsigned char>(c) < 0x20)
            quoted += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
        else
            quoted += text.substr(0, length);
        text.remove_prefix(length == 0 ? 1 : length);
    }
    return quoted += '"';
}

} // namespace web
