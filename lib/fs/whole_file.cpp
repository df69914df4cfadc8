// SPDX-License-Identifier: MIT
#include <coir/fs/file.hpp>

#include <algorithm>
#include <span>

namespace coir {
namespace {

// The size is a hint: /proc says 0, and a file may grow or shrink meanwhile. One byte more than it
// says saves growing only to find the end.
std::string read_to_end(file& from, std::error_code& error) {
    constexpr std::size_t least = 4'096;
    constexpr std::size_t most = std::size_t{1} << 30; // a hint from a sparse giant, too
    std::error_code unknown;
    const auto hint = static_cast<std::size_t>(std::min<std::uint64_t>(from.size(unknown), most));
    std::string text(std::max(least, hint + 1), '\0');
    std::size_t size = 0;
    for (;;) {
        const std::size_t more = from.read(std::span{text}.subspan(size), error);
        size += more;
        if (more == 0) break;
        if (size == text.size()) text.resize(2 * size);
    }
    text.resize(size);
    return error ? std::string{} : text;
}

} // namespace

std::string read_file(const io::path& path, std::error_code& error) {
    file from = file::open(path, open_mode::read, error);
    return error ? std::string{} : read_to_end(from, error);
}

std::string read_file(const io::path& path) {
    file from = file::open(path);
    std::error_code error;
    std::string text = read_to_end(from, error);
    if (error) throw std::system_error{error, "read " + path.native()};
    return text;
}

void write_file(const io::path& path, io::bytes data, std::error_code& error) {
    constexpr open_mode anew = open_mode::write | open_mode::create | open_mode::truncate;
    file to = file::open(path, anew, error);
    if (!error) to.write_all(data, error);
}

void write_file(const io::path& path, io::bytes data) {
    std::error_code error;
    write_file(path, data, error);
    if (error) throw std::system_error{error, "write " + path.native()};
}

} // namespace coir
