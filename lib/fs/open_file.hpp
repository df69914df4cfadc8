// SPDX-License-Identifier: MIT
#pragma once
// Owns the opening of files by name without a thread that waits.
//
// Opening a fifo waits for its other end, in the kernel, where neither backend could cut it short:
// a few of them would hold all threads for files. So everything is opened with O_NONBLOCK, which
// says nothing to a regular file, and is taken away again. A fifo for reading is there at once then
// and leaves the waiting to its first read; one for writing is tried again until it has a reader.

#include <coir/fs/open_mode.hpp>
#include <coir/io/path.hpp>

#include <string>

namespace coir::detail {

/// The flags of open(2), or -EINVAL for what makes no sense.
[[nodiscard]] int open_flags(open_mode mode) noexcept;

/// Returns the descriptor, or -errno. Throws `cancelled`.
[[nodiscard]] int open_file(const io::path& path, int flags);

/// Tells a name that the kernel would take, up to its first NUL, for another one than was meant.
[[nodiscard]] inline bool has_nul(const io::path& path) noexcept {
    return path.native().find('\0') != std::string::npos;
}

} // namespace coir::detail
