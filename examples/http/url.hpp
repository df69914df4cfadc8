// SPDX-License-Identifier: MIT
#pragma once
// Owns the http or https URL: its parts, how it is read, how a redirect is resolved against it, and
// the file name it maps to.

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace web {

/// Says what is wrong with a URL, in words for the person who typed it.
struct url_error : std::invalid_argument {
    using std::invalid_argument::invalid_argument;
};

struct url {
    std::string host;         // without the brackets of an IPv6 address
    std::uint16_t port = 80;  // 443 by default if secure
    std::string target = "/"; // path and query; never a fragment
    bool secure = false;      // https

    std::uint16_t default_port() const { return secure ? 443 : 80; }
    /// Returns what belongs into the Host header: the port only where it is not the default.
    std::string authority() const;
    std::string to_string() const;
    bool operator==(const url&) const = default;
};

/// Reads `http[s]://host[:port][/path][?query]`; the scheme may be left out, a fragment is dropped.
url parse_url(std::string_view text);

/// Resolves the Location header of a redirect (absolute or relative, RFC 3986 section 5.2).
url resolve_reference(const url& base, std::string_view location);

/// Returns a file name that no other URL maps to, and that cannot leave its directory.
std::string file_name_for(const url& from);

} // namespace web
