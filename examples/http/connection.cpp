// SPDX-License-Identifier: MIT
#include "http/connection.hpp"

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <fmt/format.h>

#include <system_error>

namespace web {
namespace {

constexpr std::size_t read_chunk = 64 * 1024;
constexpr std::size_t input_limit = 4 * read_chunk;
constexpr int informational_limit = 16;

using response_parser = http::response_parser<http::string_body>;

// By hand: it is always the same, and Beast's serializer takes as long as sending it does.
std::string request_text(const url& where) {
    return fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: coir-http-client/0.1\r\n"
                       "Accept: */*\r\n\r\n",
                       where.target, where.authority());
}

bool is_hang_up(const std::error_code& error) {
    return error == std::errc::connection_reset || error == std::errc::broken_pipe;
}

[[noreturn]] void throw_protocol_error(boost::system::error_code error,
                                       const response_parser& parser, std::size_t body_limit) {
    if (error == http::error::partial_message && !parser.is_header_done())
        throw protocol_error("connection closed in the middle of the header", true);
    if (error == http::error::partial_message) {
        const auto length = parser.content_length();
        const auto received = parser.get().body().size();
        throw protocol_error(length
                                 ? fmt::format("body cut short: {} of {} bytes", received, *length)
                                 : fmt::format("body cut short after {} bytes", received),
                             true);
    }
    if (error == http::error::body_limit)
        throw protocol_error(fmt::format("body larger than {} bytes", body_limit), false);
    if (error == http::error::buffer_overflow)
        throw protocol_error("malformed response: a line without end", false);
    throw protocol_error("malformed response: " + error.message(), false);
}

} // namespace

connection::connection(const url& where, tls_trust& trust)
    : host_(where.host), port_(where.port), secure_(where.secure), stream_(where, trust),
      input_(input_limit) {}

std::optional<response> connection::get(const url& where, std::size_t body_limit) {
    reusable_ = false; // until the answer has been read to its end
    try {
        stream_.write_all(request_text(where));
        if (!await_first_byte()) return std::nullopt;
    } catch (const std::system_error& error) {
        if (is_hang_up(error.code())) return std::nullopt;
        throw;
    }
    return read_response(body_limit);
}

bool connection::await_first_byte() {
    return input_.size() > 0 || read_some(stream_, input_, read_chunk) > 0;
}

response connection::read_response(std::size_t body_limit) {
    for (int i = 0; i < informational_limit; ++i) {
        response_parser parser; // not eager: Beast 1.74 then forgets the limit on Content-Length
        parser.body_limit(body_limit);
        if (const auto error = read_message(stream_, input_, parser, read_chunk))
            throw_protocol_error(error, parser, body_limit);
        auto& message = parser.get();
        if (message.result_int() / 100 == 1)
            continue; // 103 Early Hints and the like: not the answer yet
        // Bytes that nobody asked for would be taken for the start of the next answer.
        reusable_ = parser.keep_alive() && input_.size() == 0;
        const auto reason = message.reason();
        return {.status = message.result_int(),
                .reason =
                    std::string(reason.empty() ? http::obsolete_reason(message.result()) : reason),
                .location = std::string(message[http::field::location]),
                .body = std::move(message.body())};
    }
    throw protocol_error("malformed response: no end of informational answers", false);
}

} // namespace web
