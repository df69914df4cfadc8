// SPDX-License-Identifier: MIT
#include "net/accept.hpp"
#include "net/unix_address.hpp"

#include <coir/net/unix.hpp>
#include <coir/time.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <utility>

namespace coir {
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

std::error_code bind_and_listen(int fd, const detail::unix_address& address, int backlog) noexcept {
    if (::bind(fd, address.plain(), address.size) != 0 || ::listen(fd, backlog) != 0) {
        return last_error();
    }
    return {};
}

// A socket at which nobody listens any more refuses connections.
bool is_dead_socket(const std::string& path, const detail::unix_address& address) noexcept {
    struct stat status{};
    if (::lstat(path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) return false;
    const open_number probe{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    return probe.fd() >= 0 && ::connect(probe.fd(), address.plain(), address.size) != 0 &&
           errno == ECONNREFUSED;
}

// Two that take over the same path must not remove each other's new socket: they take turns, by a
// lock on the folder, which is let go when it is closed.
std::error_code replace_dead(int fd, const std::string& path, const detail::unix_address& address,
                             int backlog) {
    const std::string folder = std::filesystem::absolute(path).parent_path();
    const open_number turn{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    while (turn.fd() >= 0 && ::flock(turn.fd(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        sleep_for(std::chrono::milliseconds{1});
    }
    if (!is_dead_socket(path, address)) return std::make_error_code(std::errc::address_in_use);
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return last_error();
    return bind_and_listen(fd, address, backlog);
}

} // namespace

unix_listener::unix_listener(unix_listener&& other) noexcept
    : descriptor_handle{std::move(other)}, path_{std::move(other.path_)},
      file_{std::exchange(other.file_, {})} {}

unix_listener& unix_listener::operator=(unix_listener&& other) noexcept {
    if (this == &other) return *this;
    close();
    descriptor_handle::operator=(std::move(other));
    path_ = std::move(other.path_);
    file_ = std::exchange(other.file_, {});
    return *this;
}

unix_listener::socket_file unix_listener::file_at(const std::string& path) {
    struct stat status{};
    if (detail::is_abstract(path) || ::lstat(path.c_str(), &status) != 0) return {};
    return {std::filesystem::absolute(path), status.st_dev, status.st_ino, ::getpid()};
}

unix_listener unix_listener::bind(const std::string& path, const unix_listen_options& options,
                                  std::error_code& error) {
    unix_listener made;
    const detail::unix_address address = detail::unix_address_of(path, error);
    if (error) return made;
    detail::descriptor_pointer socket = detail::open_socket(AF_UNIX, SOCK_STREAM, error);
    if (socket == nullptr) return made;
    error = bind_and_listen(socket->fd(), address, options.backlog);
    const bool replaceable = options.replace_stale && !detail::is_abstract(path);
    if (error == std::errc::address_in_use && replaceable) {
        error = replace_dead(socket->fd(), path, address, options.backlog);
    }
    if (error) return made;
    made.path_ = path;
    made.file_ = file_at(path);
    made.descriptor_ = std::move(socket);
    return made;
}

unix_listener unix_listener::bind(const std::string& path, std::error_code& error) {
    return bind(path, {}, error);
}

unix_listener unix_listener::bind(const std::string& path, const unix_listen_options& options) {
    std::error_code error;
    unix_listener listener = bind(path, options, error);
    if (error) throw std::system_error{error, "bind " + detail::unix_path_text(path)};
    return listener;
}

void unix_listener::close() noexcept {
    const socket_file file = std::exchange(file_, {});
    struct stat status{};
    if (!file.path.empty() && file.process == ::getpid() &&
        ::lstat(file.path.c_str(), &status) == 0 && status.st_dev == file.device &&
        status.st_ino == file.inode) {
        ::unlink(file.path.c_str());
    }
    descriptor_handle::close();
}

int unix_listener::accept_now(int fd) noexcept { return detail::accept_attempt(fd, nullptr); }

unix_stream unix_listener::accepted(int result, const std::string& path) {
    if (result < 0) {
        throw std::system_error{detail::error_from(result),
                                "accept " + detail::unix_path_text(path)};
    }
    return unix_stream{detail::adopt(result), path};
}

unix_stream unix_listener::accept(std::error_code& error) {
    const int result = detail::accept_waiting(descriptor_.get(), nullptr);
    if (result < 0) {
        error = detail::error_from(result);
        return {};
    }
    error.clear();
    return unix_stream{detail::adopt(result), path_};
}

unix_stream unix_listener::accept() {
    std::error_code error;
    unix_stream stream = accept(error);
    if (error) throw std::system_error{error, "accept " + detail::unix_path_text(path_)};
    return stream;
}

} // namespace coir
