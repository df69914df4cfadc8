// SPDX-License-Identifier: MIT
#pragma once
// Owns several buffers of the user's as the kernel wants them.

#include "io/result.hpp"
#include "ring/io_request.hpp"

#include <coir/io/bytes.hpp>

#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace coir::detail {

/// The first so many that are not empty. Less than the kernel's IOV_MAX of 1,024, which nobody's
/// stack is to hold: those who want all of them go on, as after any short write.
class io_parts {
public:
    /// Without the first `skip` bytes of the first one.
    explicit io_parts(std::span<const io::buffer> into, std::size_t skip = 0) noexcept {
        for (const io::buffer& part : into) {
            add(static_cast<std::byte*>(part.data()) + skip, part.size() - skip);
            skip = 0;
        }
    }
    io_parts(std::span<const io::bytes> from, std::size_t skip) noexcept {
        for (const io::bytes& part : from) {
            const auto* const begin = static_cast<const std::byte*>(part.data()) + skip;
            add(const_cast<std::byte*>(begin), part.size() - skip);
            skip = 0;
        }
    }

    [[nodiscard]] iovec* data() noexcept { return parts_.data(); }
    [[nodiscard]] const iovec* data() const noexcept { return parts_.data(); }
    [[nodiscard]] std::size_t count() const noexcept { return count_; }
    /// The first, or nothing.
    [[nodiscard]] iovec first() const noexcept { return count_ != 0 ? parts_[0] : iovec{}; }

private:
    void add(void* data, std::size_t size) noexcept {
        if (size != 0 && count_ < parts_.size()) parts_[count_++] = {data, size};
    }

    std::array<iovec, 64> parts_;
    std::size_t count_ = 0;
};

/// The request that reads into the parts, or writes them; these must outlive it.
[[nodiscard]] inline io_request read_request(int fd, const io_parts& into,
                                             std::uint64_t offset = current_position) noexcept {
    if (into.count() > 1) return request::readv(fd, into.data(), into.count(), offset);
    const iovec only = into.first();
    return request::read(fd, only.iov_base, std::min(only.iov_len, most_bytes_at_once), offset);
}
[[nodiscard]] inline io_request write_request(int fd, const io_parts& from,
                                              std::uint64_t offset = current_position) noexcept {
    if (from.count() > 1) return request::writev(fd, from.data(), from.count(), offset);
    const iovec only = from.first();
    return request::write(fd, only.iov_base, std::min(only.iov_len, most_bytes_at_once), offset);
}

} // namespace coir::detail
