// SPDX-License-Identifier: MIT
#pragma once
// Owns the part of a copy that the kernel does by itself, without a buffer of ours.

#include <coir/detail/config.hpp>
#include <coir/detail/descriptor.hpp>
#include <coir/io/stream.hpp>

#include <concepts>
#include <cstdint>
#include <memory>
#include <string>
#include <system_error>

namespace coir::detail {

/// One end of a copy, as the kernel sees it.
struct copy_end {
    const descriptor_handle* handle = nullptr; ///< null: not a stream of coir's own
    std::uint64_t* position = nullptr;         ///< of a file on a disk, which is not the kernel's
};

/// A class of the user's that derives from one of ours may have verbs of its own.
template <typename Stream>
concept kernel_stream = std::derived_from<Stream, descriptor_handle> &&
                        std::derived_from<Stream, io::stream_verbs<Stream>>;

template <typename Stream> [[nodiscard]] copy_end copy_end_of(Stream& stream) noexcept {
    if constexpr (kernel_stream<Stream>) {
        return {&stream, handle_access::position_of(stream)};
    } else {
        return {};
    }
}

/// Moves bytes between the same two ends, again and again.
class COIR_API kernel_copy {
public:
    /// The streams stay where they are while it lives.
    kernel_copy(copy_end from, copy_end to) noexcept;
    kernel_copy(const kernel_copy&) = delete;
    kernel_copy& operator=(const kernel_copy&) = delete;
    ~kernel_copy();

    /// Moves what is there without waiting for more, and returns how many bytes: none where the
    /// kernel cannot. A copy by buffer goes on after it. An error says of which end it is. Bytes
    /// that were read and could not be written are lost, but not a file's.
    std::uint64_t run(std::error_code& error);
    [[nodiscard]] bool failed_to_read() const noexcept { return failed_to_read_; }

private:
    struct state;
    std::uint64_t between_files();
    std::uint64_t straight(std::error_code& error);
    std::uint64_t by_way_of_pipe(std::error_code& error);

    const copy_end from_;
    const copy_end to_;
    bool failed_to_read_ = false;
    bool useless_ = false; ///< it has turned out, or is known, that the kernel cannot
    std::unique_ptr<state> state_;
};

/// Bytes that were moved so by this process.
[[nodiscard]] COIR_API std::uint64_t bytes_copied_in_kernel() noexcept;

} // namespace coir::detail
