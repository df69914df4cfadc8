// SPDX-License-Identifier: MIT
#include "http/url.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <vector>

namespace web {
namespace {

bool is_alphanumeric(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

std::string percent(char c) { return fmt::format("%{:02X}", static_cast<unsigned char>(c)); }

/// Returns the scheme in front of "://", or nothing. A "://" after the first '/' or '?' is part of
/// a path.
std::string_view scheme_of(std::string_view text) {
    const auto end = text.find("://");
    return end != text.npos && text.find_first_of("/?#") > end ? text.substr(0, end)
                                                               : std::string_view{};
}

std::uint16_t parse_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc{} || end != text.data() + text.size() || port == 0)
        throw url_error(fmt::format("bad port \"{}\"", text));
    return port;
}

/// Splits "host:port", "[::1]:port" or either without a port into `result`.
void parse_authority(std::string_view text, url& result) {
    if (text.find('@') != text.npos) throw url_error("user names in a URL are not supported");
    const bool bracketed = text.starts_with('[');
    const auto host_end = bracketed ? text.find(']') : text.find(':');
    if (bracketed && host_end == text.npos) throw url_error("'[' without ']'");
    result.host = std::string(text.substr(bracketed ? 1 : 0, host_end - (bracketed ? 1 : 0)));
    const auto rest =
        host_end == text.npos ? std::string_view{} : text.substr(host_end + (bracketed ? 1 : 0));
    if (result.host.empty()) throw url_error("no host");
    if (!std::ranges::all_of(result.host, [&](char c) {
            return is_alphanumeric(c) || c == '.' || c == '-' || c == '_' ||
                   (bracketed && c == ':');
        }))
        throw url_error(fmt::format("bad host \"{}\"", result.host));
    if (rest.empty()) return;
    if (!rest.starts_with(':')) throw url_error("garbage after ']'");
    if (rest.size() > 1) result.port = parse_port(rest.substr(1));
}

/// Escapes what must not stand in a request line: blanks and bytes beyond ASCII.
std::string escape_target(std::string_view target) {
    std::string escaped;
    escaped.reserve(target.size());
    for (const char c : target) {
        const bool plain =
            static_cast<unsigned char>(c) > 0x20 && static_cast<unsigned char>(c) < 0x7f;
        plain ? escaped += c : escaped += percent(c);
    }
    return escaped;
}

/// Takes "." and ".." out of a path that begins with '/' (RFC 3986 section 5.2.4).
std::string remove_dot_segments(std::string_view path) {
    std::vector<std::string_view> kept;
    bool ends_in_directory = false;
    for (std::size_t begin = 1; begin <= path.size();) {
        const auto end = std::min(path.find('/', begin), path.size());
        const auto segment = path.substr(begin, end - begin);
        ends_in_directory = segment == "." || segment == "..";
        if (segment == ".." && !kept.empty()) kept.pop_back();
        if (!ends_in_directory) kept.push_back(segment);
        begin = end + 1;
    }
    std::string clean;
    for (const auto segment : kept) clean.append("/").append(segment);
    if (ends_in_directory || clean.empty()) clean += '/';
    return clean;
}

std::string normal_target(std::string_view path_and_query) {
    const auto path = path_and_query.substr(0, path_and_query.find('?'));
    return remove_dot_segments(path) + std::string(path_and_query.substr(path.size()));
}

} // namespace

std::string url::authority() const {
    const bool bracketed = host.find(':') != host.npos;
    auto text = bracketed ? fmt::format("[{}]", host) : host;
    if (port != default_port()) text += fmt::format(":{}", port);
    return text;
}

std::string url::to_string() const {
    return fmt::format("{}://{}{}", secure ? "https" : "http", authority(), target);
}

url parse_url(std::string_view text) {
    if (std::ranges::any_of(text, is_control)) throw url_error("control character in the URL");
    url result;
    if (const auto scheme = scheme_of(text); !scheme.empty()) {
        if (std::string lower(scheme);
            std::ranges::transform(lower, lower.begin(),
                                   [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; }),
            lower != "http" && lower != "https")
            throw url_error(fmt::format("scheme \"{}\" is not supported", lower));
        result.secure = scheme.size() == 5;
        result.port = result.default_port();
        text.remove_prefix(scheme.size() + 3);
    }
    text = text.substr(0, text.find('#'));
    const auto authority = text.substr(0, text.find_first_of("/?"));
    parse_authority(authority, result);
    const auto target = text.substr(authority.size());
    result.target = normal_target(
        escape_target(target.starts_with('/') ? std::string(target) : fmt::format("/{}", target)));
    return result;
}

url resolve_reference(const url& base, std::string_view location) {
    if (!scheme_of(location).empty()) return parse_url(location);
    if (location.starts_with("//"))
        return parse_url(fmt::format("{}:{}", base.secure ? "https" : "http", location));
    if (std::ranges::any_of(location, is_control))
        throw url_error("control character in the Location");
    const auto reference = location.substr(0, location.find('#'));
    const auto base_path = std::string_view(base.target).substr(0, base.target.find('?'));
    std::string target;
    if (reference.starts_with('/'))
        target = reference;
    else if (reference.empty())
        target = base.target;
    else if (reference.starts_with('?'))
        target = fmt::format("{}{}", base_path, reference);
    else
        target = fmt::format("{}{}", base_path.substr(0, base_path.rfind('/') + 1), reference);
    url result = base;
    result.target = normal_target(escape_target(target));
    return result;
}

std::string file_name_for(const url& from) {
    // '/' becomes '_' and ':' becomes '+' for readability; both originals are escaped, so that the
    // mapping stays one to one. A name always holds the host and a '_': never "." or "..".
    constexpr std::size_t longest = 200;            // of the 255 bytes that Linux file systems take
    std::string name = from.secure ? "https=" : ""; // '=' stands nowhere else
    for (const char c : from.authority() + from.target) {
        if (c == '/')
            name += '_';
        else if (c == ':')
            name += '+';
        else if (is_alphanumeric(c) || c == '-' || (c == '.' && !name.empty()))
            name += c;
        else
            name += percent(c);
    }
    if (name.size() <= longest) return name;
    std::uint64_t hash = 14695981039346656037u; // FNV-1a
    for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
    return fmt::format("{}~{:016x}", name.substr(0, longest - 17), hash);
}

} // namespace web
