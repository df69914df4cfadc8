// SPDX-License-Identifier: MIT
#pragma once
// Owns unix sockets: streams between processes of one machine, which can hand over descriptors.

#include <coir/detail/config.hpp>
#include <coir/detail/descriptor.hpp>
#include <coir/detail/io_case.hpp>
#include <coir/detail/socket_file.hpp>
#include <coir/detail/socket_stream.hpp>

#include <concepts>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

namespace coir {

/// A connection over a unix socket. A default-made one is closed; it closes itself at the end of
/// its life.
///
///     auto s = coir::unix_stream::connect("/run/service.socket");
class COIR_API unix_stream : public detail::socket_stream<unix_stream> {
public:
    unix_stream() noexcept = default;

    /// Connects to the socket at `path`; a leading NUL makes it a name of the abstract namespace.
    /// Waits while the listener's queue is full.
    [[nodiscard]] static unix_stream connect(const std::string& path);
    [[nodiscard]] static unix_stream connect(const std::string& path, std::error_code& error);

    /// Gives the peer a descriptor of the same open file, with one byte, which receive_descriptor
    /// there takes. `fd` stays open here.
    void send_descriptor(int fd);
    void send_descriptor(int fd, std::error_code& error);
    /// Waits for a byte with a descriptor, which is returned, closed on exec: it belongs to the
    /// caller. The end of the stream is coir::errc::end_of_stream; a byte without a descriptor is
    /// std::errc::bad_message, and consumed.
    [[nodiscard]] int receive_descriptor();
    [[nodiscard]] int receive_descriptor(std::error_code& error);

private:
    friend class unix_listener;
    friend class io::stream_verbs<unix_stream>;
    friend class detail::socket_stream<unix_stream>;
    unix_stream(detail::descriptor_pointer open, std::string path) noexcept;
    [[nodiscard]] std::string describe(const char* verb) const;

    std::string path_;
};

/// Settings of a unix_listener.
struct unix_listen_options {
    /// How many connections may wait to be accepted; the kernel's limit applies as well.
    int backlog = 4096;
    /// Takes over the path of a socket that nobody listens to any more, as a crash leaves it.
    bool replace_stale = false;
};

/// A listening unix socket.
///
///     auto l = coir::unix_listener::bind("/run/service.socket", {.replace_stale = true});
class COIR_API unix_listener : public detail::descriptor_handle {
public:
    unix_listener() noexcept = default;

    /// Binds to `path` and listens. A file of that name is std::errc::address_in_use, whatever it
    /// is. A leading NUL makes it a name of the abstract namespace, without a file.
    [[nodiscard]] static unix_listener bind(const std::string& path,
                                            const unix_listen_options& options = {});
    [[nodiscard]] static unix_listener bind(const std::string& path, std::error_code& error);
    [[nodiscard]] static unix_listener
    bind(const std::string& path, const unix_listen_options& options, std::error_code& error);

    /// As tcp_listener::accept.
    [[nodiscard]] unix_stream accept();
    [[nodiscard]] unix_stream accept(std::error_code& error);

    /// A select case: takes a connection and calls the handler with its unix_stream, as
    /// tcp_listener::on_accept.
    template <typename Handler> [[nodiscard]] auto on_accept(Handler&& handler) const {
        using operation = accept_operation<std::decay_t<Handler>>;
        return detail::io_case<operation>{descriptor_.get(), detail::io_direction::read,
                                          operation{std::forward<Handler>(handler), path_}};
    }

    /// Stops listening and removes the file; an accept under way ends with
    /// std::errc::operation_canceled. Idempotent.
    void close() noexcept;
    /// As it was given to bind.
    [[nodiscard]] const std::string& path() const noexcept { return path_; }

private:
    template <typename Handler> struct accept_operation {
        static_assert(std::invocable<Handler&, unix_stream>,
                      "coir: the handler of on_accept takes a unix_stream");
        Handler handler;
        std::string path;

        int attempt(int fd) noexcept { return accept_now(fd); }
        void complete(int result) { static_cast<void>(handler(accepted(result, path))); }
    };

    static int accept_now(int fd) noexcept;
    static unix_stream accepted(int result, const std::string& path);

    std::string path_;
    detail::socket_file file_; // destroyed before the descriptor is closed
};

} // namespace coir
