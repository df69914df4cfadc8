// SPDX-License-Identifier: MIT
#pragma once
// Owns how texts and numbers are written in JSON.

#include <array>
#include <cstdio>
#include <string>
#include <string_view>

namespace coir::detail {

/// Quoted and escaped. Bytes that are no UTF-8 pass: they are the user's.
[[nodiscard]] inline std::string json_text(std::string_view text) {
    std::string quoted = "\"";
    for (const char one : text) {
        if (one == '"' || one == '\\') {
            quoted += '\\';
            quoted += one;
        } else if (static_cast<unsigned char>(one) < 0x20) {
            std::array<char, 8> escape;
            std::snprintf(escape.data(), escape.size(), "\\u%04x", static_cast<unsigned>(one));
            quoted += escape.data();
        } else {
            quoted += one;
        }
    }
    return quoted + "\"";
}

/// With three decimals: microseconds down to the nanosecond.
[[nodiscard]] inline std::string json_number(double number) {
    std::array<char, 40> text;
    std::snprintf(text.data(), text.size(), "%.3f", number);
    return text.data();
}

} // namespace coir::detail
