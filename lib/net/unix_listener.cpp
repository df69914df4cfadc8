// SPDX-License-Identifier: MIT
#include "net/accept.hpp"
#include "net/unix_address.hpp"
#include "net/unix_bind.hpp"

#include <coir/net/unix.hpp>

#include <utility>

namespace coir {

unix_listener unix_listener::bind(const std::string& path, const unix_listen_options& options,
                                  std::error_code& error) {
    unix_listener made;
    const detail::unix_address address = detail::unix_address_of(path, error);
    if (error) return made;
    detail::descriptor_pointer socket = detail::open_socket(AF_UNIX, SOCK_STREAM, error);
    if (socket == nullptr) return made;
    error = detail::bind_unix(socket->fd(), SOCK_STREAM, path, address, options.backlog,
                              options.replace_stale);
    if (error) return made;
    made.path_ = path;
    made.file_ = detail::socket_file{path};
    made.descriptor_ = std::move(socket);
    return made;
}

unix_listener unix_listener::bind(const std::string& path, std::error_code& error) {
    return bind(path, {}, error);
}

unix_listener unix_listener::bind(const std::string& path, const unix_listen_options& options) {
    std::error_code error;
    unix_listener listener = bind(path, options, error);
    if (error) throw std::system_error{error, "bind " + detail::unix_path_text(path)};
    return listener;
}

void unix_listener::close() noexcept {
    file_.remove();
    descriptor_handle::close();
}

int unix_listener::accept_now(int fd) noexcept { return detail::accept_attempt(fd, nullptr); }

unix_stream unix_listener::accepted(int result, const std::string& path) {
    if (result < 0) {
        throw std::system_error{detail::error_from(result),
                                "accept " + detail::unix_path_text(path)};
    }
    return unix_stream{detail::adopt(result), path};
}

unix_stream unix_listener::accept(std::error_code& error) {
    const int result = detail::accept_waiting(descriptor_.get(), nullptr);
    if (result < 0) {
        error = detail::error_from(result);
        return {};
    }
    error.clear();
    return unix_stream{detail::adopt(result), path_};
}

unix_stream unix_listener::accept() {
    std::error_code error;
    unix_stream stream = accept(error);
    if (error) throw std::system_error{error, "accept " + detail::unix_path_text(path_)};
    return stream;
}

} // namespace coir
