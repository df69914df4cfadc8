// SPDX-License-Identifier: MIT
#include "http/session.hpp"

#include <coir/cancel.hpp>

#include <boost/beast/http/parser.hpp>
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <system_error>

namespace web {
namespace {

constexpr std::size_t read_chunk = 8 * 1024;
constexpr std::size_t input_limit = 64 * 1024;
constexpr std::uint32_t header_limit = 16 * 1024;

} // namespace

session::session(coir::tcp_stream stream, const session_options& options,
                 const interrupt& interrupt)
    : stream_(std::move(stream)), options_(options), interrupt_(interrupt), input_(input_limit) {}

void session::serve() {
    try {
        stream_.set_no_delay(true);
        while (serve_one()) {}
    } catch (const std::exception&) { // the peer is gone, or too slow: nobody is left to tell
    }
}

/// Returns whether the connection may carry a further request.
bool session::serve_one() {
    http::request_parser<http::empty_body> parser;
    parser.header_limit(header_limit);
    try {
        const auto error = coir::with_timeout(
            options_.idle_limit, [&] { return read_message(stream_, input_, parser, read_chunk); });
        if (error) return refuse(error);
    } catch (const coir::timed_out&) {
        return parser.got_some() && refuse(make_error_code(boost::system::errc::timed_out));
    }
    const auto request = parser.release();
    // A server that is told to stop cancels its sessions: an answer that has begun is finished
    // first.
    return coir::shield([&] { return respond(request, answer(request), request.keep_alive()); });
}

bool session::respond(const page_request& request, page_response response, bool keep_alive) {
    keep_alive = keep_alive && !interrupt_.happened();
    response.version(request.version());
    response.set(http::field::server, "coir");
    response.set(http::field::date, date());
    response.keep_alive(keep_alive);
    response.prepare_payload(); // Content-Length
    if (request.method() == http::verb::head) response.body().clear();
    output_.clear();
    serialize(response, output_);
    coir::with_timeout(options_.write_limit, [&] { stream_.write_all(output_); });
    return keep_alive;
}

/// Tells the peer what was wrong with its request, where there was one, and gives the connection
/// up.
bool session::refuse(boost::system::error_code error) {
    if (error == http::error::end_of_stream || error == http::error::partial_message) return false;
    auto status = http::status::bad_request;
    if (error == http::error::header_limit || error == http::error::buffer_overflow)
        status = http::status::request_header_fields_too_large;
    if (error == http::error::unexpected_body) status = http::status::payload_too_large;
    if (error == boost::system::errc::timed_out) status = http::status::request_timeout;
    return coir::shield([&] {
        return respond({}, text_response(status, fmt::format("{}\n", error.message())), false);
    });
}

const std::string& session::date() {
    const std::time_t now = std::time(nullptr);
    if (now != date_second_) date_ = fmt::format("{:%a, %d %b %Y %H:%M:%S} GMT", fmt::gmtime(now));
    date_second_ = now;
    return date_;
}

} // namespace web
