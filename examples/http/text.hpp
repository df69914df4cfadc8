// SPDX-License-Identifier: MIT
#pragma once
// Owns the quoting of foreign text: for a terminal, and inside JSON.

#include <string>
#include <string_view>

namespace web {

/// Replaces control characters, so that no server or URL can write escape sequences to a terminal.
std::string printable(std::string_view text);

/// Returns the text as a JSON string, in its quotes. Bytes that are not UTF-8 become U+FFFD.
std::string json_string(std::string_view text);

} // namespace web
