// SPDX-License-Identifier: MIT
#pragma once
// Owns what a crawler reads out of answers: the links of a page, and what robots.txt keeps back.

#include "http/connection.hpp"
#include "http/url.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace web {

/// Returns where the page, or a redirect, leads to by http or https, as often as it says so.
std::vector<url> links_of(const url& where, const response& answer);

/// Returns the beginnings of paths that a robots.txt (RFC 9309) keeps from all robots.
std::vector<std::string> read_robots(const std::string& text);

} // namespace web
