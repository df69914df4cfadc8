// SPDX-License-Identifier: MIT
#pragma once
// Owns reading numbers from standard input, one a line.

#include <coir/io/buffered_reader.hpp>
#include <coir/os/standard_streams.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace farm {

class number_input {
public:
    /// Returns the next number, or nothing at the end of the input. Lines that hold none are told
    /// on standard error, empty ones passed over.
    std::optional<std::uint64_t> next();

    /// Returns whether nothing but numbers has come; says so if not.
    bool was_clean() const;

private:
    std::optional<std::uint64_t> parse(std::string_view text);

    coir::buffered_reader<coir::standard_stream> lines_{coir::standard_input()};
    std::size_t line_number_ = 0;
    std::size_t malformed_ = 0;
    std::size_t too_large_ = 0;
};

} // namespace farm
