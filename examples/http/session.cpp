// SPDX-License-Identifier: MIT
#include "http/session.hpp"

#include <coir/cancel.hpp>

#include <boost/beast/http/parser.hpp>
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <system_error>

namespace web {
namespace {

constexpr std::size_t request_chunk = 8 * 1024;
constexpr std::size_t request_limit = 64 * 1024;
constexpr std::uint32_t header_limit = 16 * 1024;
constexpr std::size_t file_chunk = 128 * 1024;

bool reads(http::verb method) { return method == http::verb::get || method == http::verb::head; }

} // namespace

session::session(coir::tcp_stream stream, const site& served)
    : stream_(std::move(stream)), site_(served), input_(request_limit) {}

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
        const auto error = coir::with_timeout(site_.options.idle_limit, [&] {
            return read_message(stream_, input_, parser, request_chunk);
        });
        if (error) return refuse(error);
    } catch (const coir::timed_out&) {
        return parser.got_some() && refuse(make_error_code(boost::system::errc::timed_out));
    }
    const auto request = parser.release();
    // A server that is told to stop cancels its sessions: an answer that has begun is finished
    // first.
    return coir::shield([&] {
        const bool is_for_file = site_.files.has_value() && reads(request.method());
        return is_for_file ? respond_with_file(request)
                           : respond(request, answer(request), request.keep_alive());
    });
}

/// Adds what concerns the connection; returns whether it may carry a further request.
template <class Body>
bool session::add_fields(http::response<Body>& response, const page_request& request,
                         bool keep_alive) {
    keep_alive = keep_alive && !site_.stopping.load(std::memory_order_relaxed);
    response.version(request.version());
    response.set(http::field::server, "coir");
    response.set(http::field::date, date());
    response.keep_alive(keep_alive);
    return keep_alive;
}

bool session::respond(const page_request& request, page_response response, bool keep_alive) {
    keep_alive = add_fields(response, request, keep_alive);
    response.prepare_payload(); // Content-Length
    if (request.method() == http::verb::head) response.body().clear();
    output_.clear();
    serialize(response, output_);
    coir::with_timeout(site_.options.write_limit, [&] { stream_.write_all(output_); });
    return keep_alive;
}

bool session::respond_with_file(const page_request& request) {
    auto found = site_.files->open({request.target().data(), request.target().size()});
    if (!found) {
        return respond(request, text_response(http::status::not_found, "no such file\n"),
                       request.keep_alive());
    }
    // Without validators there is nothing that If-Range could match: then the whole file is sent.
    const auto field = request.count(http::field::if_range) != 0 ? boost::beast::string_view{}
                                                                 : request[http::field::range];
    const auto wanted = parse_range({field.data(), field.size()}, found->size);
    if (!wanted) {
        auto refusal = text_response(http::status::range_not_satisfiable, "no such range\n");
        refusal.set(http::field::content_range, fmt::format("bytes */{}", found->size));
        return respond(request, std::move(refusal), request.keep_alive());
    }
    http::response<http::empty_body> head{http::status::ok, 11};
    if (wanted->is_part) {
        head.result(http::status::partial_content);
        head.set(http::field::content_range, to_field(*wanted, found->size));
    }
    head.set(http::field::content_type, found->type);
    head.set(http::field::accept_ranges, "bytes");
    head.content_length(wanted->size);
    const bool keep_alive = add_fields(head, request, request.keep_alive());
    output_.clear();
    serialize(head, output_);
    coir::with_timeout(site_.options.write_limit, [&] { stream_.write_all(output_); });
    if (request.method() != http::verb::head) send_part(*found, *wanted);
    return keep_alive;
}

/// Each piece has the time limit of a whole page, so a peer that takes nothing is given up. A file
/// that has become shorter meanwhile breaks the promise of its length: then the connection ends.
void session::send_part(static_files::found& found, byte_range part) {
    std::string piece;
    while (part.size > 0) {
        piece.resize(std::min<std::uint64_t>(part.size, file_chunk));
        const std::size_t count = found.file.read_at(piece, part.first);
        if (count == 0) throw std::runtime_error{"the file was cut while it was sent"};
        coir::with_timeout(site_.options.write_limit,
                           [&] { stream_.write_all(std::string_view{piece}.substr(0, count)); });
        part.first += count;
        part.size -= count;
    }
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
