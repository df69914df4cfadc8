// SPDX-License-Identifier: MIT
#pragma once
// Owns moving all that a stream gives into another one.

#include <coir/detail/kernel_copy.hpp>
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
    static constexpr std::size_t size = std::size_t{64} * 1024;
    [[nodiscard]] io::buffer all() const noexcept { return {memory_.get(), size}; }
    [[nodiscard]] io::bytes first(std::size_t count) const noexcept {
        return {memory_.get(), count};
    }

private:
    std::unique_ptr<std::byte[]> memory_ = std::make_unique_for_overwrite<std::byte[]>(size);
};

template <typename From, typename To>
[[noreturn]] void throw_copy_error(const std::error_code& error, bool reading, const From& from,
                                   const To& to) {
    if constexpr (kernel_stream<From> && kernel_stream<To>) {
        throw std::system_error{error, reading ? handle_access::describe(from, "read")
                                               : handle_access::describe(to, "write")};
    } else {
        throw std::system_error{error}; // the kernel has no part in it
    }
}

} // namespace detail

/// Reads from `from` until its end and writes all of it to `to`; returns how many bytes that were.
/// Leaves both open. A cancellation, or an error of `to`, may come when bytes have been read and
/// not yet written; these are lost. Where much comes at once, between sockets, pipes and files of
/// coir's own, the kernel moves it by itself (splice, copy_file_range).
template <io::readable From, io::writable To>
std::uint64_t copy(From&& from, To&& to, std::error_code& error) {
    const detail::copy_memory memory;
    detail::kernel_copy by_kernel{detail::copy_end_of(from), detail::copy_end_of(to)};
    std::uint64_t moved = 0;
    for (;;) {
        const std::size_t count = from.read(memory.all(), error);
        if (error || count == 0) return moved;
        moved += to.write_all(memory.first(count), error);
        if (error) return moved;
        if (count == memory.size) moved += by_kernel.run(error);
        if (error) return moved;
    }
}

/// The same, and throws std::system_error.
template <io::readable From, io::writable To> std::uint64_t copy(From&& from, To&& to) {
    const detail::copy_memory memory;
    detail::kernel_copy by_kernel{detail::copy_end_of(from), detail::copy_end_of(to)};
    std::uint64_t moved = 0;
    while (const std::size_t count = from.read(memory.all())) {
        to.write_all(memory.first(count));
        moved += count;
        std::error_code error;
        if (count == memory.size) moved += by_kernel.run(error);
        if (error) detail::throw_copy_error(error, by_kernel.failed_to_read(), from, to);
    }
    return moved;
}

} // namespace coir
