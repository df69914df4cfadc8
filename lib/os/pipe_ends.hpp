// SPDX-License-Identifier: MIT
#pragma once
// Owns the making of pipes, each end as its user wants it.

#include "io/descriptor.hpp"

#include <coir/os/pipe.hpp>

#include <array>
#include <system_error>

namespace coir {

struct pipe_access {
    static pipe_reader make_reader(detail::descriptor_pointer open) noexcept {
        return pipe_reader{std::move(open)};
    }
    static pipe_writer make_writer(detail::descriptor_pointer open) noexcept {
        return pipe_writer{std::move(open)};
    }
};

namespace detail {

/// Makes the end of a pipe that coir uses suit the backend. The other end, when it is a child's,
/// has an open file of its own and stays as it is: programs expect to block.
void suit_backend(int fd) noexcept;

/// Owns a plain descriptor until it is released.
class plain_descriptor {
public:
    explicit plain_descriptor(int fd = -1) noexcept : fd_{fd} {}
    plain_descriptor(const plain_descriptor&) = delete;
    plain_descriptor& operator=(const plain_descriptor&) = delete;
    plain_descriptor(plain_descriptor&& other) noexcept : fd_{other.release()} {}
    plain_descriptor& operator=(plain_descriptor&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~plain_descriptor();

    [[nodiscard]] int get() const noexcept { return fd_; }
    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

private:
    int fd_;
};

} // namespace detail
} // namespace coir
