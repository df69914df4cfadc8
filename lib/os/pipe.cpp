// SPDX-License-Identifier: MIT
#include "io/parts.hpp"
#include "io/result.hpp"
#include "os/pipe_ends.hpp"
#include "sched/worker.hpp"

#include <coir/os/pipe.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace coir {
namespace detail {

void suit_backend(int fd) noexcept {
    worker* const here = current_worker();
    if (here == nullptr || here->io().prefers_nonblocking()) {
        ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
    }
}

plain_descriptor::~plain_descriptor() {
    if (fd_ >= 0) ::close(fd_);
}

} // namespace detail

std::size_t pipe_reader::read_some(io::buffer into, std::error_code& error) {
    if (descriptor_ == nullptr) return detail::count_or_error(-EBADF, error);
    const std::size_t size = std::min(into.size(), detail::most_bytes_at_once);
    return detail::count_or_error(
        detail::perform(detail::request::read(descriptor_->fd(), into.data(), size),
                        descriptor_.get()),
        error);
}

std::size_t pipe_reader::read_parts(std::span<const io::buffer> into, std::error_code& error) {
    if (descriptor_ == nullptr) return detail::count_or_error(-EBADF, error);
    const detail::io_parts parts{into};
    const auto what = detail::read_request(descriptor_->fd(), parts);
    return detail::count_or_error(detail::perform(what, descriptor_.get()), error);
}

std::string pipe_reader::describe(const char* verb) const { return std::string{verb} + " pipe"; }

std::size_t pipe_writer::write_some(io::bytes data, std::error_code& error) {
    if (descriptor_ == nullptr) return detail::count_or_error(-EBADF, error);
    const std::size_t size = std::min(data.size(), detail::most_bytes_at_once);
    return detail::count_or_error(
        detail::perform(detail::request::write(descriptor_->fd(), data.data(), size),
                        descriptor_.get()),
        error);
}

std::size_t pipe_writer::write_parts(std::span<const io::bytes> parts, std::size_t skip,
                                     std::error_code& error) {
    if (descriptor_ == nullptr) return detail::count_or_error(-EBADF, error);
    const detail::io_parts rest{parts, skip};
    const auto what = detail::write_request(descriptor_->fd(), rest);
    return detail::count_or_error(detail::perform(what, descriptor_.get()), error);
}

std::string pipe_writer::describe(const char* verb) const { return std::string{verb} + " pipe"; }

pipe_ends pipe(std::error_code& error) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        error = {errno, std::system_category()};
        return {};
    }
    error.clear();
    for (const int end : ends) detail::suit_backend(end);
    detail::descriptor_pointer reader{new detail::descriptor{ends[0]}};
    detail::descriptor_pointer writer{new detail::descriptor{ends[1]}};
    return {pipe_access::make_reader(std::move(reader)),
            pipe_access::make_writer(std::move(writer))};
}

pipe_ends pipe() {
    std::error_code error;
    pipe_ends made = pipe(error);
    if (error) throw std::system_error{error, "pipe"};
    return made;
}

} // namespace coir
