// SPDX-License-Identifier: MIT
#include "fs/kind.hpp"
#include "fs/open_file.hpp"
#include "io/operation.hpp"
#include "io/result.hpp"

#include <coir/fs/status.hpp>

#include <fcntl.h>
#include <sys/sysmacros.h>

#include <cerrno>

namespace coir {
namespace {

constexpr unsigned mode_bits = 07777;
constexpr std::uint64_t allocation_unit = 512; // of stx_blocks, whatever the file system's is

std::chrono::system_clock::time_point time_of(const statx_timestamp& at) noexcept {
    return std::chrono::system_clock::time_point{
        std::chrono::duration_cast<std::chrono::system_clock::duration>(
            std::chrono::seconds{at.tv_sec} + std::chrono::nanoseconds{at.tv_nsec})};
}

file_status from_kernel(const struct ::statx& known) noexcept {
    file_status status;
    status.kind = detail::kind_of_mode(known.stx_mode);
    status.mode = known.stx_mode & mode_bits;
    status.owner = known.stx_uid;
    status.group = known.stx_gid;
    status.size = known.stx_size;
    status.allocated = known.stx_blocks * allocation_unit;
    status.links = known.stx_nlink;
    status.inode = known.stx_ino;
    status.device = ::makedev(known.stx_dev_major, known.stx_dev_minor);
    status.accessed = time_of(known.stx_atime);
    status.modified = time_of(known.stx_mtime);
    status.changed = time_of(known.stx_ctime);
    return status;
}

file_status ask(const io::path& path, int flags, std::error_code& error) {
    struct ::statx known{};
    const int result = detail::has_nul(path)
                           ? -EINVAL
                           : detail::perform(detail::request::statx(AT_FDCWD, path.c_str(), flags,
                                                                    STATX_BASIC_STATS, &known));
    error = result < 0 ? detail::error_from(result) : std::error_code{};
    return error ? file_status{} : from_kernel(known);
}

file_status ask(const io::path& path, int flags) {
    std::error_code error;
    file_status known = ask(path, flags, error);
    if (error) throw std::system_error{error, "status of " + path.native()};
    return known;
}

} // namespace

file_status status(const io::path& path) { return ask(path, 0); }
file_status status(const io::path& path, std::error_code& error) { return ask(path, 0, error); }
file_status symlink_status(const io::path& path) { return ask(path, AT_SYMLINK_NOFOLLOW); }
file_status symlink_status(const io::path& path, std::error_code& error) {
    return ask(path, AT_SYMLINK_NOFOLLOW, error);
}

} // namespace coir
