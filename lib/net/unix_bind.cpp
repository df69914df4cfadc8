// SPDX-License-Identifier: MIT
#include "net/unix_bind.hpp"

#include <coir/detail/socket_file.hpp>
#include <coir/time.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <utility>

namespace coir::detail {
namespace {

class open_number {
public:
    explicit open_number(int fd) noexcept : fd_{fd} {}
    open_number(const open_number&) = delete;
    open_number& operator=(const open_number&) = delete;
    ~open_number() {
        if (fd_ >= 0) ::close(fd_);
    }
    [[nodiscard]] int fd() const noexcept { return fd_; }

private:
    const int fd_;
};

std::error_code last_error() noexcept { return {errno, std::system_category()}; }

std::error_code bind_and_listen(int fd, int type, const unix_address& address,
                                int backlog) noexcept {
    if (::bind(fd, address.plain(), address.size) != 0) return last_error();
    if (type == SOCK_STREAM && ::listen(fd, backlog) != 0) return last_error();
    return {};
}

// A socket at which nobody listens any more refuses connections; a live one of the other type says
// that it is of the wrong type.
bool is_dead_socket(const std::string& path, int type, const unix_address& address) noexcept {
    struct stat status{};
    if (::lstat(path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) return false;
    const open_number probe{::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    return probe.fd() >= 0 && ::connect(probe.fd(), address.plain(), address.size) != 0 &&
           errno == ECONNREFUSED;
}

// Two that take over the same path must not remove each other's new socket, which looks dead until
// it listens: they take turns from before they bind, by a lock on the folder, which is let go when
// it is closed.
std::error_code bind_or_replace(int fd, int type, const std::string& path,
                                const unix_address& address, int backlog) {
    const std::string folder = std::filesystem::absolute(path).parent_path();
    const open_number turn{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    while (turn.fd() >= 0 && ::flock(turn.fd(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        sleep_for(std::chrono::milliseconds{1});
    }
    const std::error_code error = bind_and_listen(fd, type, address, backlog);
    if (error != std::errc::address_in_use || !is_dead_socket(path, type, address)) return error;
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return last_error();
    return bind_and_listen(fd, type, address, backlog);
}

} // namespace

std::error_code bind_unix(int fd, int type, const std::string& path, const unix_address& address,
                          int backlog, bool replace_stale) {
    if (replace_stale && !is_abstract(path))
        return bind_or_replace(fd, type, path, address, backlog);
    return bind_and_listen(fd, type, address, backlog);
}

socket_file::socket_file(const std::string& path) {
    struct stat status{};
    if (is_abstract(path) || ::lstat(path.c_str(), &status) != 0) return;
    path_ = std::filesystem::absolute(path);
    device_ = status.st_dev;
    inode_ = status.st_ino;
    process_ = ::getpid();
}

socket_file::socket_file(socket_file&& other) noexcept
    : path_{std::exchange(other.path_, {})}, device_{other.device_}, inode_{other.inode_},
      process_{other.process_} {}

socket_file& socket_file::operator=(socket_file&& other) noexcept {
    if (this == &other) return *this;
    remove();
    path_ = std::exchange(other.path_, {});
    device_ = other.device_;
    inode_ = other.inode_;
    process_ = other.process_;
    return *this;
}

void socket_file::remove() noexcept {
    const std::string path = std::exchange(path_, {});
    struct stat status{};
    if (!path.empty() && process_ == ::getpid() && ::lstat(path.c_str(), &status) == 0 &&
        status.st_dev == device_ && status.st_ino == inode_) {
        ::unlink(path.c_str());
    }
}

} // namespace coir::detail
