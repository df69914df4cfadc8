// SPDX-License-Identifier: MIT
#include "http/pages.hpp"

#include <coir/time.hpp>

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace web {
namespace {

namespace http = boost::beast::http;

constexpr std::uint64_t slowest_ms = 60'000;

constexpr const char* index_page = R"(coir's HTTP server example
/hello        a greeting
/page/N       a few KiB that depend on N alone
/slow?ms=20   answers after that many milliseconds
)";

std::optional<std::uint64_t> parse_number(std::string_view text) {
    std::uint64_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc{} || stop != end) return std::nullopt;
    return number;
}

/// Returns the same 2 to 6 KiB for the same number, always.
std::string page_text(std::uint64_t number) {
    std::uint64_t state = number;
    const auto random = [&state] { // splitmix64
        std::uint64_t z = state += 0x9e3779b97f4a7c15;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    };
    auto text = fmt::format("page {}\n", number);
    for (auto lines = 32 + random() % 64; lines > 0; --lines)
        text += fmt::format("{:016x} {:016x} {:016x} {:016x}\n", random(), random(), random(),
                            random());
    return text;
}

page_response slow_page(std::string_view query) {
    std::uint64_t ms = 20;
    if (!query.empty()) {
        const auto given = query.starts_with("ms=") ? parse_number(query.substr(3)) : std::nullopt;
        if (!given || *given > slowest_ms)
            return text_response(http::status::bad_request,
                                 fmt::format("expected ms=0 to ms={}\n", slowest_ms));
        ms = *given;
    }
    coir::sleep_for(std::chrono::milliseconds(ms));
    return text_response(http::status::ok, fmt::format("waited {} ms\n", ms));
}

} // namespace

page_response text_response(http::status status, std::string body) {
    page_response response{status, 11, std::move(body)};
    response.set(http::field::content_type, "text/plain");
    return response;
}

page_response answer(const page_request& request) {
    if (request.method() != http::verb::get && request.method() != http::verb::head) {
        auto response = text_response(http::status::method_not_allowed, "only GET and HEAD\n");
        response.set(http::field::allow, "GET, HEAD");
        return response;
    }
    const std::string_view target(request.target().data(), request.target().size());
    const auto path = target.substr(0, target.find('?'));
    const auto query = target.substr(std::min(path.size() + 1, target.size()));
    if (path == "/hello") return text_response(http::status::ok, "Hello, world!\n");
    if (path == "/") return text_response(http::status::ok, index_page);
    if (path == "/slow") return slow_page(query);
    if (path.starts_with("/page/"))
        if (const auto number = parse_number(path.substr(6)))
            return text_response(http::status::ok, page_text(*number));
    return text_response(http::status::not_found, "no such page\n");
}

} // namespace web
