// SPDX-License-Identifier: MIT
#pragma once
// Owns moving all that a stream gives into another one.

#include <coir/io/buffered_reader.hpp>
#include <coir/io/bytes.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <system_error>

namespace coir {

namespace detail {

class copy_memory {
public:
    [[nodiscard]] io::buffer all() const noexcept { return {memory_.get(), size}; }
    [[nodiscard]] io::bytes first(std::size_t count) const noexcept {
        return {memory_.get(), count};
    }

private:
    static constexpr std::size_t size = 64 * 1024;
    std::unique_ptr<std::byte[]> memory_ = std::make_unique_for_overwrite<std::byte[]>(size);
};

} // namespace detail

/// Reads from `from` until its end and writes all of it to `to`; returns how many bytes that were.
/// Leaves both open. A cancellation, or an error of `to`, may come when bytes have been read and
/// not yet written; these are lost.
template <io::readable From, io::writable To>
std::uint64_t copy(From&& from, To&& to, std::error_code& error) {
    detail::copy_memory memory;
    std::uint64_t moved = 0;
    for (;;) {
        const std::size_t count = from.read(memory.all(), error);
        if (error || count == 0) return moved;
        moved += to.write_all(memory.first(count), error);
        if (error) return moved;
    }
}

/// The same, and throws std::system_error.
template <io::readable From, io::writable To> std::uint64_t copy(From&& from, To&& to) {
    detail::copy_memory memory;
    std::uint64_t moved = 0;
    while (const std::size_t count = from.read(memory.all())) {
        to.write_all(memory.first(count));
        moved += count;
    }
    return moved;
}

} // namespace coir
