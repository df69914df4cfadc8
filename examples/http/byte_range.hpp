// SPDX-License-Identifier: MIT
#pragma once
// Owns the Range field of a request (RFC 9110, section 14).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace web {

/// A part of a file, or the whole of it.
struct byte_range {
    std::uint64_t first = 0;
    std::uint64_t size = 0;
    bool is_part = false;
};

/// Returns what of `size` bytes the field asks for; nothing if there is no such part (416). A field
/// that is empty, malformed, in another unit or of several parts is ignored, as servers may: the
/// whole.
std::optional<byte_range> parse_range(std::string_view field, std::uint64_t size);

/// As in a Content-Range field.
std::string to_field(const byte_range& part, std::uint64_t size);

} // namespace web
