// SPDX-License-Identifier: MIT
#include "fs/open_file.hpp"
#include "io/descriptor.hpp"
#include "io/parts.hpp"
#include "io/result.hpp"

#include <coir/blocking.hpp>
#include <coir/fs/file.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <string_view>

namespace coir {
namespace {

std::error_code code_of(int result) noexcept {
    return result < 0 ? detail::error_from(result) : std::error_code{};
}

// An offset beyond this means the file's own position, or is none at all to the kernel.
bool is_offset(std::uint64_t offset) noexcept {
    return offset <= static_cast<std::uint64_t>(std::numeric_limits<off_t>::max());
}

// Repeats `part`, which does some of it, until `size` bytes are done, or it does nothing or fails.
template <typename Part>
std::size_t repeat(const detail::descriptor* open, std::size_t size, std::uint64_t offset,
                   std::error_code& error, Part part) {
    error.clear();
    if (open == nullptr) error = detail::error_from(-EBADF);
    if (!is_offset(offset)) error = detail::error_from(-EINVAL);
    std::size_t done = 0;
    while (done < size && !error) {
        const std::size_t most = std::min(size - done, detail::most_bytes_at_once);
        const std::size_t more = detail::count_or_error(part(done, most), error);
        if (more == 0) break;
        done += more;
    }
    return done;
}

// The same with all of several parts; `make` gives the request for the next of them.
template <typename Part, typename Make>
std::size_t repeat(detail::descriptor* open, std::span<const Part> parts, std::uint64_t offset,
                   std::error_code& error, Make make) {
    error.clear();
    if (open == nullptr) error = detail::error_from(-EBADF);
    if (!is_offset(offset)) error = detail::error_from(-EINVAL);
    std::size_t done = 0;
    std::size_t of_first = 0;
    while (!error) {
        for (; !parts.empty() && of_first >= parts.front().size(); parts = parts.subspan(1)) {
            of_first -= parts.front().size();
        }
        if (parts.empty()) break;
        const detail::io_parts next{parts, of_first};
        const int result = detail::perform(make(open->fd(), next, offset + done), open);
        const std::size_t more = detail::count_or_error(result, error);
        if (more == 0) break;
        done += more;
        of_first += more;
    }
    return done;
}

} // namespace

file::file(detail::descriptor_pointer open, io::path path, int flags) noexcept
    : descriptor_handle{std::move(open)}, path_{std::move(path)} {
    const int fd = descriptor_->fd();
    struct ::stat status{};
    if (::fstat(fd, &status) != 0) return;
    // Some files of /proc are regular and have no position.
    has_position_ = S_ISREG(status.st_mode) && ::lseek(fd, 0, SEEK_CUR) == 0;
    appends_ = (flags & O_APPEND) != 0;
    awaits_writer_ = S_ISFIFO(status.st_mode) && (flags & O_ACCMODE) == O_RDONLY;
}

file file::open(const io::path& path, open_mode mode, std::error_code& error) {
    const int flags = detail::open_flags(mode);
    const int result = flags < 0 ? flags : detail::open_file(path, flags);
    error = code_of(result);
    if (error) return {};
    return file{detail::descriptor_pointer{new detail::descriptor{result}}, path, flags};
}

file file::open(const io::path& path, open_mode mode) {
    std::error_code error;
    file opened = open(path, mode, error);
    if (error) throw std::system_error{error, "open " + path.native()};
    return opened;
}

// Without a writer a fifo says that it has ended, though nobody has begun. Poll tells apart whether
// there has ever been one.
std::error_code file::await_writer() {
    const int result =
        detail::perform(detail::request::poll(descriptor_->fd(), POLLIN), descriptor_.get());
    if (result >= 0) awaits_writer_ = false;
    return code_of(result);
}

std::size_t file::read_some(io::buffer into, std::error_code& error) {
    return read_parts({&into, 1}, error);
}

std::size_t file::read_parts(std::span<const io::buffer> into, std::error_code& error) {
    if (descriptor_ == nullptr) return detail::count_or_error(-EBADF, error);
    if (awaits_writer_) {
        error = await_writer();
        if (error) return 0;
    }
    const detail::io_parts parts{into};
    const std::uint64_t from = has_position_ ? position_ : detail::current_position;
    const int result =
        detail::perform(detail::read_request(descriptor_->fd(), parts, from), descriptor_.get());
    advance(result);
    return detail::count_or_error(result, error);
}

// Without a position nothing is written here: one coroutine may read a fifo or a terminal while
// another writes to it.
void file::advance(int count) noexcept {
    if (count > 0 && has_position_) position_ += static_cast<std::uint64_t>(count);
}

std::size_t file::write_some(io::bytes data, std::error_code& error) {
    return write_parts({&data, 1}, 0, error);
}

// The position is our own: when a disk becomes full in the middle of a write, io_uring (at least to
// 6.18) counts what it has written and leaves the kernel's position where it was.
std::size_t file::write_parts(std::span<const io::bytes> parts, std::size_t skip,
                              std::error_code& error) {
    if (descriptor_ == nullptr) return detail::count_or_error(-EBADF, error);
    const detail::io_parts rest{parts, skip};
    const std::uint64_t to = has_position_ ? position_ : detail::current_position;
    const int result =
        detail::perform(detail::write_request(descriptor_->fd(), rest, to), descriptor_.get());
    advance(result);
    if (result > 0 && has_position_ && appends_) position_ = size_or(position_);
    return detail::count_or_error(result, error);
}

std::uint64_t file::size_or(std::uint64_t unknown) const noexcept {
    const detail::descriptor::use held{*descriptor_};
    struct ::stat status{};
    if (!held || ::fstat(descriptor_->fd(), &status) != 0) return unknown;
    return static_cast<std::uint64_t>(status.st_size);
}

std::size_t file::read_at(io::buffer into, std::uint64_t offset, std::error_code& error) {
    auto* const begin = static_cast<std::byte*>(into.data());
    return repeat(descriptor_.get(), into.size(), offset, error,
                  [&](std::size_t done, std::size_t most) {
                      return detail::perform(detail::request::read(descriptor_->fd(), begin + done,
                                                                   most, offset + done),
                                             descriptor_.get());
                  });
}

std::size_t file::read_at(io::buffer into, std::uint64_t offset) {
    return checked("read", [&](std::error_code& error) { return read_at(into, offset, error); });
}

std::size_t file::write_at(io::bytes data, std::uint64_t offset, std::error_code& error) {
    const auto* const begin = static_cast<const std::byte*>(data.data());
    return repeat(descriptor_.get(), data.size(), offset, error,
                  [&](std::size_t done, std::size_t most) {
                      return detail::perform(detail::request::write(descriptor_->fd(), begin + done,
                                                                    most, offset + done),
                                             descriptor_.get());
                  });
}

std::size_t file::write_at(io::bytes data, std::uint64_t offset) {
    return checked("write", [&](std::error_code& error) { return write_at(data, offset, error); });
}

std::size_t file::read_at(std::span<const io::buffer> into, std::uint64_t offset,
                          std::error_code& error) {
    return repeat(descriptor_.get(), into, offset, error, detail::read_request);
}

std::size_t file::read_at(std::span<const io::buffer> into, std::uint64_t offset) {
    return checked("read", [&](std::error_code& error) { return read_at(into, offset, error); });
}

std::size_t file::write_at(std::span<const io::bytes> parts, std::uint64_t offset,
                           std::error_code& error) {
    return repeat(descriptor_.get(), parts, offset, error, detail::write_request);
}

std::size_t file::write_at(std::span<const io::bytes> parts, std::uint64_t offset) {
    return checked("write", [&](std::error_code& error) { return write_at(parts, offset, error); });
}

void file::sync(std::error_code& error) {
    error =
        code_of(descriptor_ == nullptr ? -EBADF
                                       : detail::perform(detail::request::fsync(descriptor_->fd()),
                                                         descriptor_.get()));
}

void file::sync() {
    std::error_code error;
    sync(error);
    if (error) throw std::system_error{error, describe("sync")};
}

std::uint64_t file::size(std::error_code& error) const {
    struct ::statx status{};
    error =
        code_of(descriptor_ == nullptr
                    ? -EBADF
                    : detail::perform(detail::request::statx(descriptor_->fd(), "", AT_EMPTY_PATH,
                                                             STATX_SIZE, &status),
                                      descriptor_.get()));
    return error ? 0 : status.stx_size;
}

std::uint64_t file::size() const {
    return checked("size of", [&](std::error_code& error) { return size(error); });
}

// Before 6.9 the ring cannot do this one.
void file::truncate(std::uint64_t size, std::error_code& error) {
    if (!is_offset(size)) {
        error = detail::error_from(-EINVAL);
        return;
    }
    const auto cut = [&] {
        if (descriptor_ == nullptr) return -EBADF;
        const detail::descriptor::use held{*descriptor_};
        if (!held) return -EBADF;
        const int fd = descriptor_->fd();
        return ::ftruncate(fd, static_cast<off_t>(size)) == 0 ? 0 : -errno;
    };
    error = code_of(blocking(cut));
}

void file::truncate(std::uint64_t size) {
    std::error_code error;
    truncate(size, error);
    if (error) throw std::system_error{error, describe("truncate")};
}

std::string file::describe(const char* verb) const {
    return std::string{verb} + " " + path_.native();
}

} // namespace coir
