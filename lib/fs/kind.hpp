// SPDX-License-Identifier: MIT
#pragma once
// Owns the kernel's numbers for kinds of files.

#include <coir/fs/status.hpp>

#include <sys/stat.h>

namespace coir::detail {

/// `mode` as in stat(2), with the bits of S_IFMT.
[[nodiscard]] inline file_kind kind_of_mode(unsigned mode) noexcept {
    switch (mode & S_IFMT) {
    case S_IFREG: return file_kind::regular;
    case S_IFDIR: return file_kind::directory;
    case S_IFLNK: return file_kind::symlink;
    case S_IFIFO: return file_kind::fifo;
    case S_IFSOCK: return file_kind::socket;
    case S_IFCHR: return file_kind::character_device;
    case S_IFBLK: return file_kind::block_device;
    default: return file_kind::unknown;
    }
}

} // namespace coir::detail
