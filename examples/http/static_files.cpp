// SPDX-License-Identifier: MIT
#include "http/static_files.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>
#include <utility>

namespace web {
namespace {

const char* type_of(const std::filesystem::path& path) {
    static constexpr std::array<std::pair<std::string_view, const char*>, 11> known{{
        {".html", "text/html; charset=utf-8"},
        {".css", "text/css"},
        {".js", "text/javascript"},
        {".json", "application/json"},
        {".txt", "text/plain; charset=utf-8"},
        {".md", "text/plain; charset=utf-8"},
        {".svg", "image/svg+xml"},
        {".png", "image/png"},
        {".jpg", "image/jpeg"},
        {".gif", "image/gif"},
        {".wasm", "application/wasm"},
    }};
    const std::string extension = path.extension().string();
    const auto* const one = std::find_if(known.begin(), known.end(), [&](const auto& candidate) {
        return candidate.first == extension;
    });
    return one != known.end() ? one->second : "application/octet-stream";
}

/// What a descriptor is open on: asked of the kernel after opening, so that no link that is changed
/// meanwhile makes a difference.
std::filesystem::path real_path(const coir::file& file) {
    std::error_code ignored;
    return std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(file.native_handle()),
                                         ignored);
}

bool is_below(const std::filesystem::path& path, const std::filesystem::path& root) {
    return std::mismatch(root.begin(), root.end(), path.begin(), path.end()).first == root.end();
}

bool append_segment(std::string& path, const std::string& segment) {
    if (segment == "..") return false;
    if (segment.empty() || segment == ".") return true;
    if (!path.empty()) path += '/';
    path += segment;
    return true;
}

} // namespace

std::optional<std::string> decode_path(std::string_view target) {
    target = target.substr(0, target.find_first_of("?#"));
    if (!target.starts_with('/')) return std::nullopt;
    std::string path;
    std::string segment;
    for (std::size_t i = 1; i < target.size(); ++i) {
        char one = target[i];
        if (one == '%') {
            unsigned char code = 0;
            const std::string_view digits = target.substr(i + 1, 2);
            const auto [stop, error] =
                std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
            if (error != std::errc{} || stop != digits.data() + 2) return std::nullopt;
            one = static_cast<char>(code);
            if (one == '\0' || one == '/') return std::nullopt; // no name has these
            segment += one;
            i += 2;
        } else if (one == '/') {
            if (!append_segment(path, std::exchange(segment, {}))) return std::nullopt;
        } else {
            segment += one;
        }
    }
    if (!append_segment(path, segment)) return std::nullopt;
    return path;
}

static_files::static_files(const std::string& root) : root_(std::filesystem::canonical(root)) {}

std::optional<static_files::found> static_files::open(std::string_view target) const {
    const auto path = decode_path(target);
    if (!path) return std::nullopt;
    if (auto file = open_file(root_ / *path)) return file;
    return open_file(root_ / *path / "index.html");
}

std::optional<static_files::found>
static_files::open_file(const std::filesystem::path& path) const {
    std::error_code error;
    found opened{coir::file::open(path, coir::open_mode::read, error)};
    if (error) return std::nullopt;
    struct ::stat status{};
    const bool is_file =
        ::fstat(opened.file.native_handle(), &status) == 0 && S_ISREG(status.st_mode);
    if (!is_file || !is_below(real_path(opened.file), root_)) return std::nullopt;
    opened.size = static_cast<std::uint64_t>(status.st_size);
    opened.type = type_of(path);
    return opened;
}

} // namespace web
