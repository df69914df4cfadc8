// SPDX-License-Identifier: MIT
#pragma once
// Owns pipes, within the process and to its children.

#include <coir/detail/config.hpp>
#include <coir/detail/descriptor.hpp>
#include <coir/detail/io_case.hpp>
#include <coir/io/stream.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <system_error>
#include <utility>

namespace coir {

/// The end of a pipe that is read. It ends (a read returns 0) when all writers are closed and the
/// pipe is empty.
class COIR_API pipe_reader : public detail::descriptor_handle,
                             public io::stream_verbs<pipe_reader> {
public:
    pipe_reader() noexcept = default;

    /// A select case: something can be read at once, the end of the stream too. With or without a
    /// handler, which takes nothing. Closed meanwhile, the select throws
    /// std::errc::operation_canceled. The handle must outlive the case.
    template <typename... Handler> [[nodiscard]] auto on_readable(Handler&&... handler) const {
        return detail::readable_case(descriptor_.get(), std::forward<Handler>(handler)...);
    }

    std::size_t write(io::bytes) = delete;
    std::size_t write_all(io::bytes) = delete;

private:
    friend class io::stream_verbs<pipe_reader>;
    friend struct pipe_access;
    explicit pipe_reader(detail::descriptor_pointer open) noexcept
        : descriptor_handle{std::move(open)} {}

    std::size_t read_some(io::buffer into, std::error_code& error);
    std::size_t read_parts(std::span<const io::buffer> into, std::error_code& error);
    [[nodiscard]] std::string describe(const char* verb) const;
};

/// The end of a pipe that is written. Without a reader a write fails with std::errc::broken_pipe;
/// no signal is raised. Writes of up to PIPE_BUF (4096) bytes are not mixed with those of others.
class COIR_API pipe_writer : public detail::descriptor_handle,
                             public io::stream_verbs<pipe_writer> {
public:
    pipe_writer() noexcept = default;

    /// A select case: something can be written at once, or the reader is gone; as on_readable.
    template <typename... Handler> [[nodiscard]] auto on_writable(Handler&&... handler) const {
        return detail::writable_case(descriptor_.get(), std::forward<Handler>(handler)...);
    }

    /// Tells the reader that no more will be written: closes.
    void shutdown_write() noexcept { close(); }

    std::size_t read(io::buffer) = delete;
    void read_exactly(io::buffer) = delete;

private:
    friend class io::stream_verbs<pipe_writer>;
    friend struct pipe_access;
    explicit pipe_writer(detail::descriptor_pointer open) noexcept
        : descriptor_handle{std::move(open)} {}

    std::size_t write_some(io::bytes data, std::error_code& error);
    std::size_t write_parts(std::span<const io::bytes> parts, std::size_t skip,
                            std::error_code& error);
    [[nodiscard]] std::string describe(const char* verb) const;
};

/// What `pipe` gives: auto [reader, writer] = coir::pipe();
struct pipe_ends {
    pipe_reader reader; ///< closed by itself
    pipe_writer writer; ///< the reader sees the end once this is closed
};

/// Makes a pipe; its ends are not inherited by children.
///
///     auto [reader, writer] = coir::pipe();
[[nodiscard]] COIR_API pipe_ends pipe();
[[nodiscard]] COIR_API pipe_ends pipe(std::error_code& error);

} // namespace coir
