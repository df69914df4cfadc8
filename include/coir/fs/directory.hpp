// SPDX-License-Identifier: MIT
#pragma once
// Owns the listing of directories.

#include <coir/detail/config.hpp>
#include <coir/fs/status.hpp>
#include <coir/io/path.hpp>

#include <string>
#include <system_error>
#include <vector>

namespace coir {

/// One name in a directory, and what it stands for; a symlink is told as one, wherever it leads.
struct directory_entry {
    std::string name{};                  ///< without the directory
    file_kind kind = file_kind::unknown; ///< of the name itself

    friend bool operator==(const directory_entry&, const directory_entry&) = default;
};

/// Lists a directory without "." and "..", sorted by name, byte by byte. The kernel has no way to
/// list that would not block, so a thread for blocking calls does it, in parts: a cancellation
/// comes between two of them. Throws std::system_error, with the path.
///
///     for (const auto& [name, kind] : coir::read_directory("/etc")) ...
[[nodiscard]] COIR_API std::vector<directory_entry> read_directory(const io::path& path);
[[nodiscard]] COIR_API std::vector<directory_entry> read_directory(const io::path& path,
                                                                   std::error_code& error);

} // namespace coir
