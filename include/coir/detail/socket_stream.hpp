// SPDX-License-Identifier: MIT
#pragma once
// Owns what streams over sockets have in common: TCP and unix.

#include <coir/detail/config.hpp>
#include <coir/detail/descriptor.hpp>
#include <coir/detail/io_case.hpp>
#include <coir/io/stream.hpp>

#include <cstddef>
#include <span>
#include <system_error>
#include <utility>

namespace coir::detail {

COIR_API std::size_t socket_receive(descriptor* socket, io::buffer into, std::error_code& error);
COIR_API std::size_t socket_send(descriptor* socket, io::bytes data, std::error_code& error);
COIR_API std::size_t socket_receive_parts(descriptor* socket, std::span<const io::buffer> into,
                                          std::error_code& error);
COIR_API std::size_t socket_send_parts(descriptor* socket, std::span<const io::bytes> parts,
                                       std::size_t skip, std::error_code& error);
COIR_API void socket_shutdown_write(descriptor* socket, std::error_code& error);

template <typename Stream>
class socket_stream : public descriptor_handle, public io::stream_verbs<Stream> {
public:
    /// Tells the peer that no more will be written; reading goes on.
    void shutdown_write() {
        std::error_code error;
        shutdown_write(error);
        if (error) throw std::system_error{error, self().describe("shutdown")};
    }
    void shutdown_write(std::error_code& error) { socket_shutdown_write(descriptor_.get(), error); }

    /// Select cases: something can be read (the end of the stream too), or written, at once. With
    /// or without a handler, which takes nothing. Closed meanwhile, the select throws
    /// std::errc::operation_canceled. The stream must outlive the case.
    template <typename... Handler> [[nodiscard]] auto on_readable(Handler&&... handler) const {
        return readable_case(descriptor_.get(), std::forward<Handler>(handler)...);
    }
    template <typename... Handler> [[nodiscard]] auto on_writable(Handler&&... handler) const {
        return writable_case(descriptor_.get(), std::forward<Handler>(handler)...);
    }

protected:
    socket_stream() noexcept = default;
    explicit socket_stream(descriptor_pointer open) noexcept : descriptor_handle{std::move(open)} {}

private:
    friend class io::stream_verbs<Stream>;
    [[nodiscard]] const Stream& self() const noexcept { return static_cast<const Stream&>(*this); }
    std::size_t read_some(io::buffer into, std::error_code& error) {
        return socket_receive(descriptor_.get(), into, error);
    }
    std::size_t write_some(io::bytes data, std::error_code& error) {
        return socket_send(descriptor_.get(), data, error);
    }
    std::size_t read_parts(std::span<const io::buffer> into, std::error_code& error) {
        return socket_receive_parts(descriptor_.get(), into, error);
    }
    std::size_t write_parts(std::span<const io::bytes> parts, std::size_t skip,
                            std::error_code& error) {
        return socket_send_parts(descriptor_.get(), parts, skip, error);
    }
};

} // namespace coir::detail
