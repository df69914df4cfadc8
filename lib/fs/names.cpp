// SPDX-License-Identifier: MIT
#include "fs/open_file.hpp"
#include "io/operation.hpp"
#include "io/result.hpp"

#include <coir/fs/file.hpp>

#include <fcntl.h>

#include <cerrno>
#include <initializer_list>

namespace coir {
namespace {

using io::path;

std::error_code do_request(const detail::io_request& request,
                           std::initializer_list<const path*> names) {
    for (const path* const name : names) {
        if (detail::has_nul(*name)) return detail::error_from(-EINVAL);
    }
    const int result = detail::perform(request);
    return result < 0 ? detail::error_from(result) : std::error_code{};
}

void throw_if(const std::error_code& error, const char* verb, const path& name) {
    if (error) throw std::system_error{error, verb + name.native()};
}

} // namespace

void rename_file(const path& from, const path& to, std::error_code& error) {
    error = do_request(detail::request::renameat(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str()),
                       {&from, &to});
}
void rename_file(const path& from, const path& to) {
    std::error_code error;
    rename_file(from, to, error);
    throw_if(error, "rename ", from.native() + " to " + to.native());
}

void remove_file(const path& name, std::error_code& error) {
    error = do_request(detail::request::unlinkat(AT_FDCWD, name.c_str(), 0), {&name});
}
void remove_file(const path& name) {
    std::error_code error;
    remove_file(name, error);
    throw_if(error, "remove ", name);
}

void make_directory(const path& name, std::error_code& error) {
    constexpr mode_t permissions = 0777; // less what the umask takes
    error = do_request(detail::request::mkdirat(AT_FDCWD, name.c_str(), permissions), {&name});
}
void make_directory(const path& name) {
    std::error_code error;
    make_directory(name, error);
    throw_if(error, "make ", name);
}

void remove_directory(const path& name, std::error_code& error) {
    error = do_request(detail::request::unlinkat(AT_FDCWD, name.c_str(), AT_REMOVEDIR), {&name});
}
void remove_directory(const path& name) {
    std::error_code error;
    remove_directory(name, error);
    throw_if(error, "remove ", name);
}

} // namespace coir
