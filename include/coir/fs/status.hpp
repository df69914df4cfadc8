// SPDX-License-Identifier: MIT
#pragma once
// Owns what the file system knows of a file besides its contents.

#include <coir/detail/config.hpp>
#include <coir/detail/durations.hpp>
#include <coir/io/path.hpp>

#include <cstdint>
#include <system_error>

namespace coir {

/// What a name stands for.
enum class file_kind : std::uint8_t {
    unknown, ///< of a kind that this version of coir has no name for
    regular,
    directory,
    symlink,
    fifo,
    socket,
    character_device,
    block_device,
};

/// A file's size, times and the like (statx).
struct file_status {
    file_kind kind = file_kind::unknown; ///< what it is
    std::uint32_t mode = 0;              ///< the permission bits, setuid and so on: 0644
    std::uint32_t owner = 0;             ///< user id
    std::uint32_t group = 0;             ///< group id
    std::uint64_t size = 0;              ///< bytes; of a symlink, of the name that it holds
    std::uint64_t allocated = 0;         ///< bytes on the disk
    std::uint64_t links = 0;             ///< how many names the file has
    std::uint64_t inode = 0;             ///< with `device`: which file it is, whatever its name
    std::uint64_t device = 0;            ///< which file system
    std::chrono::system_clock::time_point accessed{}; ///< last read, as far as that is kept
    std::chrono::system_clock::time_point modified{}; ///< contents last written
    std::chrono::system_clock::time_point changed{};  ///< contents, mode, names or owner
};

/// Tells about the file that `path` leads to, through symlinks. Throws std::system_error, with the
/// path; std::errc::no_such_file_or_directory where there is none.
[[nodiscard]] COIR_API file_status status(const io::path& path);
[[nodiscard]] COIR_API file_status status(const io::path& path, std::error_code& error);
/// As `status`, but of a symlink itself.
[[nodiscard]] COIR_API file_status symlink_status(const io::path& path);
[[nodiscard]] COIR_API file_status symlink_status(const io::path& path, std::error_code& error);

} // namespace coir
