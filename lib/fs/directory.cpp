// SPDX-License-Identifier: MIT
#include "fs/kind.hpp"
#include "fs/open_file.hpp"
#include "io/result.hpp"

#include <coir/blocking.hpp>
#include <coir/fs/directory.hpp>
#include <coir/task.hpp>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string_view>

namespace coir {
namespace {

constexpr std::size_t part_entries = 1024; // between two looks at cancellation

struct directory_closer {
    void operator()(DIR* open) const noexcept { ::closedir(open); }
};
using directory_handle = std::unique_ptr<DIR, directory_closer>;

file_kind kind_of(DIR* in, const dirent& entry) noexcept {
    if (entry.d_type != DT_UNKNOWN) return detail::kind_of_mode(DTTOIF(unsigned{entry.d_type}));
    struct ::stat status{}; // a file system that does not tell
    const int result = ::fstatat(::dirfd(in), entry.d_name, &status, AT_SYMLINK_NOFOLLOW);
    return result == 0 ? detail::kind_of_mode(status.st_mode) : file_kind::unknown;
}

enum class progress : bool { more, done };

// Blocks its thread.
progress read_part(DIR* from, std::vector<directory_entry>& into, int& error) {
    for (std::size_t i = 0; i < part_entries; ++i) {
        errno = 0;
        const dirent* const entry = ::readdir(from);
        if (entry == nullptr) {
            error = errno; // zero at the end
            return progress::done;
        }
        const std::string_view name = entry->d_name;
        if (name != "." && name != "..") into.push_back({std::string{name}, kind_of(from, *entry)});
    }
    return progress::more;
}

} // namespace

std::vector<directory_entry> read_directory(const io::path& path, std::error_code& error) {
    std::vector<directory_entry> found;
    directory_handle open;
    int failure = detail::has_nul(path) ? EINVAL : 0;
    for (progress now = progress::more; now == progress::more && failure == 0;) {
        yield(); // what a thread does cannot be cancelled: here is where this can
        now = blocking([&] {
            if (open == nullptr) open.reset(::opendir(path.c_str()));
            if (open != nullptr) return read_part(open.get(), found, failure);
            failure = errno;
            return progress::done;
        });
    }
    error = failure != 0 ? detail::error_from(-failure) : std::error_code{};
    if (error) return {};
    std::ranges::sort(found, {}, &directory_entry::name);
    return found;
}

std::vector<directory_entry> read_directory(const io::path& path) {
    std::error_code error;
    std::vector<directory_entry> found = read_directory(path, error);
    if (error) throw std::system_error{error, "read directory " + path.native()};
    return found;
}

} // namespace coir
