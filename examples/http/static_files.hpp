// SPDX-License-Identifier: MIT
#pragma once
// Owns the way from a request's target to a file below the server's root, and to none outside.

#include "http/byte_range.hpp"

#include <coir/fs/file.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace web {

/// Decodes the path of a target into one relative to the root. Nothing for what is malformed or
/// leads upwards.
std::optional<std::string> decode_path(std::string_view target);

class static_files {
public:
    struct found {
        coir::file file;
        std::uint64_t size = 0;
        const char* type = "application/octet-stream";
    };

    explicit static_files(const std::string& root);

    /// Opens what the target names, in a folder its index.html. Nothing for what is not there, is
    /// no regular file, may not be read, or lies outside of the root, by way of links too.
    std::optional<found> open(std::string_view target) const;

private:
    std::optional<found> open_file(const std::filesystem::path& path) const;

    std::filesystem::path root_; ///< without links
};

} // namespace web
