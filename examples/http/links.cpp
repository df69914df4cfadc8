// SPDX-License-Identifier: MIT
#include "http/links.hpp"

#include <regex>

namespace web {
namespace {

using matches = std::sregex_iterator;

} // namespace

std::vector<url> links_of(const url& where, const response& answer) {
    static const std::regex link{R"re(href\s*=\s*["']([^"'#]+))re", std::regex::icase};
    static const std::regex other_scheme{R"((?!https?:)[a-z][a-z0-9+.-]*:.*)", std::regex::icase};
    std::vector<url> found;
    const auto add = [&](const std::string& target) {
        if (std::regex_match(target, other_scheme)) return; // mailto: and the like
        try {
            found.push_back(resolve_reference(where, target));
        } catch (const url_error&) { // leads nowhere
        }
    };
    if (!answer.location.empty()) add(answer.location);
    const std::string& page = answer.body;
    for (matches i{page.begin(), page.end(), link}, end; i != end; ++i) add((*i)[1]);
    return found;
}

std::vector<std::string> read_robots(const std::string& text) {
    static const std::regex line{R"((User-agent|Disallow):[ \t]*([^\s#]*))", std::regex::icase};
    std::vector<std::string> kept;
    bool for_all = false;
    for (matches i{text.begin(), text.end(), line}, end; i != end; ++i) {
        const std::string field = (*i)[1], value = (*i)[2];
        if (field.front() == 'U' || field.front() == 'u')
            for_all = value == "*";
        else if (for_all && !value.empty())
            kept.push_back(value);
    }
    return kept;
}

} // namespace web
