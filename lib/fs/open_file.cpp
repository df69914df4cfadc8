// SPDX-License-Identifier: MIT
#include "fs/open_file.hpp"

#include "io/operation.hpp"

#include <coir/time.hpp>

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

namespace coir::detail {
namespace {

constexpr mode_t permissions = 0666; // less what the umask takes

int try_open(const char* path, int flags) {
    return perform(request::openat(AT_FDCWD, path, flags, permissions));
}

bool is_fifo(const char* path) {
    struct ::statx status{};
    const int result =
        perform(request::statx(AT_FDCWD, path, AT_STATX_DONT_SYNC, STATX_TYPE, &status));
    return result == 0 && S_ISFIFO(status.stx_mode);
}

// Nothing tells of a reader that comes, so it is asked for, ever less often.
int open_when_read(const char* path, int flags) {
    using namespace std::chrono_literals;
    constexpr auto longest_pause = 20ms;
    int result = -ENXIO;
    for (auto pause = 1ms; result == -ENXIO && is_fifo(path);
         pause = std::min(2 * pause, std::chrono::milliseconds{longest_pause})) {
        sleep_for(pause);
        result = try_open(path, flags);
    }
    return result;
}

} // namespace

int open_flags(open_mode mode) noexcept {
    const auto has = [mode](open_mode one) { return (mode & one) == one; };
    const bool writes = has(open_mode::write) || has(open_mode::append) || has(open_mode::truncate);
    int flags = O_CLOEXEC;
    if (writes) {
        flags |= has(open_mode::read) ? O_RDWR : O_WRONLY;
    } else if (has(open_mode::read)) {
        flags |= O_RDONLY;
    } else {
        return -EINVAL;
    }
    if (has(open_mode::create) || has(open_mode::exclusive)) flags |= O_CREAT;
    if (has(open_mode::exclusive)) flags |= O_EXCL;
    if (has(open_mode::truncate)) flags |= O_TRUNC;
    if (has(open_mode::append)) flags |= O_APPEND;
    return flags;
}

int open_file(const io::path& path, int flags) {
    if (has_nul(path)) return -EINVAL;
    const int at_once = flags | O_NONBLOCK;
    int result = try_open(path.c_str(), at_once);
    if (result == -ENXIO) result = open_when_read(path.c_str(), at_once);
    if (result == -EAGAIN) return try_open(path.c_str(), flags); // a lease has to be given up first
    if (result >= 0) ::fcntl(result, F_SETFL, flags & O_APPEND);
    return result;
}

} // namespace coir::detail
