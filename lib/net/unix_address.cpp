// SPDX-License-Identifier: MIT
#include "net/unix_address.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace coir::detail {

unix_address unix_address_of(const std::string& path, std::error_code& error) {
    unix_address made;
    made.native.sun_family = AF_UNIX;
    error.clear();
    const bool abstract = is_abstract(path);
    // A path is ended by a NUL, an abstract name by its length.
    const std::size_t room = sizeof made.native.sun_path - (abstract ? 0 : 1);
    if (path.empty() || (!abstract && path.find('\0') != std::string::npos)) {
        error = std::make_error_code(std::errc::invalid_argument);
    } else if (path.size() > room) {
        error = std::make_error_code(std::errc::filename_too_long);
    }
    if (error) return made;
    std::memcpy(made.native.sun_path, path.data(), path.size());
    made.size =
        static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + (abstract ? 0 : 1));
    return made;
}

std::string unix_path_in(const unix_address& address) {
    constexpr std::size_t begin = offsetof(sockaddr_un, sun_path);
    const char* const text = address.native.sun_path;
    if (address.size <= begin) return {};
    const std::size_t size = std::min(address.size - begin, sizeof address.native.sun_path);
    return text[0] == '\0' ? std::string{text, size} : std::string{text, ::strnlen(text, size)};
}

std::string unix_path_text(const std::string& path) {
    return is_abstract(path) ? "@" + path.substr(1) : path;
}

} // namespace coir::detail
