// SPDX-License-Identifier: MIT
#include "net/socket.hpp"
#include "net/unix_address.hpp"

#include <coir/net/unix.hpp>
#include <coir/time.hpp>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>

namespace coir {
namespace {

/// One message of one byte, with room for one descriptor beside it.
struct descriptor_message {
    descriptor_message() noexcept {
        header.msg_iov = &part;
        header.msg_iovlen = 1;
        header.msg_control = control.data();
        header.msg_controllen = control.size();
    }

    char byte = 0;
    iovec part{&byte, 1};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr header{};
};

// The descriptor in the message, or -1. There is never more than one: the rest did not fit, and the
// kernel has closed it.
int descriptor_in(msghdr& header) noexcept {
    const cmsghdr* const part = CMSG_FIRSTHDR(&header);
    if (part == nullptr || part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS ||
        part->cmsg_len < CMSG_LEN(sizeof(int))) {
        return -1;
    }
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(part), sizeof fd);
    return fd;
}

} // namespace

unix_stream::unix_stream(detail::descriptor_pointer open, std::string path) noexcept
    : socket_stream{std::move(open)}, path_{std::move(path)} {}

unix_stream unix_stream::connect(const std::string& path, std::error_code& error) {
    using namespace std::chrono_literals;
    const detail::unix_address address = detail::unix_address_of(path, error);
    if (error) return {};
    detail::descriptor_pointer socket = detail::open_socket(AF_UNIX, SOCK_STREAM, error);
    if (socket == nullptr) return {};
    // Where the listener's queue is full the kernel says EAGAIN, and nothing tells when to retry.
    int result = -EAGAIN;
    for (auto pause = 1ms;; pause = std::min(pause * 2, 50ms)) {
        const auto what = detail::request::connect(socket->fd(), address.plain(), address.size);
        result = detail::perform(what, socket.get());
        if (result != -EAGAIN) break;
        sleep_for(pause);
    }
    error = result < 0 ? detail::error_from(result) : std::error_code{};
    return error ? unix_stream{} : unix_stream{std::move(socket), path};
}

unix_stream unix_stream::connect(const std::string& path) {
    std::error_code error;
    unix_stream stream = connect(path, error);
    if (error) throw std::system_error{error, "connect " + detail::unix_path_text(path)};
    return stream;
}

void unix_stream::send_descriptor(int fd, std::error_code& error) {
    if (descriptor_ == nullptr) {
        error = detail::error_from(-EBADF);
        return;
    }
    descriptor_message message;
    cmsghdr* const part = CMSG_FIRSTHDR(&message.header);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(sizeof fd);
    std::memcpy(CMSG_DATA(part), &fd, sizeof fd);
    const auto what = detail::request::sendmsg(descriptor_->fd(), &message.header);
    const int result = detail::perform(what, descriptor_.get());
    error = result < 0 ? detail::error_from(result) : std::error_code{};
}

void unix_stream::send_descriptor(int fd) {
    std::error_code error;
    send_descriptor(fd, error);
    if (error) throw std::system_error{error, describe("send_descriptor")};
}

int unix_stream::receive_descriptor(std::error_code& error) {
    if (descriptor_ == nullptr) {
        error = detail::error_from(-EBADF);
        return -1;
    }
    descriptor_message message;
    const auto what =
        detail::request::recvmsg(descriptor_->fd(), &message.header, MSG_CMSG_CLOEXEC);
    const int result = detail::perform(what, descriptor_.get());
    if (result < 0) {
        error = detail::error_from(result);
        return -1;
    }
    const int fd = descriptor_in(message.header);
    error.clear();
    if (result == 0) {
        error = errc::end_of_stream;
    } else if (fd < 0) {
        error = std::make_error_code(std::errc::bad_message);
    }
    return fd;
}

int unix_stream::receive_descriptor() {
    std::error_code error;
    const int fd = receive_descriptor(error);
    if (error) throw std::system_error{error, describe("receive_descriptor")};
    return fd;
}

std::string unix_stream::describe(const char* verb) const {
    return std::string{verb} + " " + detail::unix_path_text(path_);
}

} // namespace coir
