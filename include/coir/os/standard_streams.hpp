// SPDX-License-Identifier: MIT
#pragma once
// Owns the three streams that a process is born with.

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

/// One of the streams 0, 1 and 2, whatever it is: a file, a pipe, a terminal, a socket. Closing
/// the handle ends what is under way through it and leaves the descriptor open, and so does the end
/// of its life. Nothing about the descriptor is changed, since other processes may share it.
///
///     coir::standard_output().write_all("hello\n");
class COIR_API standard_stream : public detail::descriptor_handle,
                                 public io::stream_verbs<standard_stream> {
public:
    standard_stream() noexcept = default;

    /// A select case: something can be read at once, the end of the stream too. With or without a
    /// handler, which takes nothing. Closed meanwhile, the select throws
    /// std::errc::operation_canceled. The stream must outlive the case.
    template <typename... Handler> [[nodiscard]] auto on_readable(Handler&&... handler) const {
        return detail::readable_case(descriptor_.get(), std::forward<Handler>(handler)...);
    }

    /// A select case: something can be written at once; as on_readable.
    template <typename... Handler> [[nodiscard]] auto on_writable(Handler&&... handler) const {
        return detail::writable_case(descriptor_.get(), std::forward<Handler>(handler)...);
    }

private:
    friend class io::stream_verbs<standard_stream>;
    friend standard_stream standard_input();
    friend standard_stream standard_output();
    friend standard_stream standard_error();
    standard_stream(int fd, const char* name);

    std::size_t read_some(io::buffer into, std::error_code& error);
    std::size_t read_parts(std::span<const io::buffer> into, std::error_code& error);
    std::size_t write_some(io::bytes data, std::error_code& error);
    std::size_t write_parts(std::span<const io::bytes> parts, std::size_t skip,
                            std::error_code& error);
    [[nodiscard]] std::string describe(const char* verb) const;

    const char* name_ = "closed stream";
    bool is_storage_ = false;
};

/// A new handle of standard input, to be used from coroutines. Two that read at the same time share
/// out what comes.
[[nodiscard]] COIR_API standard_stream standard_input();
/// A new handle of standard output. It knows nothing of the buffers of std::cout and stdio: flush
/// these first where the order matters.
[[nodiscard]] COIR_API standard_stream standard_output();
[[nodiscard]] COIR_API standard_stream standard_error();

} // namespace coir
