// SPDX-License-Identifier: MIT
#pragma once
// Owns the seam between Beast and coir: Beast turns messages into bytes and back, coir moves the
// bytes.

#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/serializer.hpp>

#include <algorithm>
#include <span>
#include <string>

namespace web {

namespace http = boost::beast::http;
using boost::beast::flat_buffer;

/// Appends the message as it goes over the wire to `text`.
template <bool IsRequest, class Body, class Fields>
void serialize(const http::message<IsRequest, Body, Fields>& message, std::string& text) {
    http::serializer<IsRequest, Body, Fields> serializer{message};
    boost::system::error_code error;
    while (!serializer.is_done()) {
        serializer.next(error, [&](boost::system::error_code&, const auto& buffers) {
            std::size_t size = 0;
            for (const auto piece : boost::beast::buffers_range_ref(buffers)) {
                text.append(static_cast<const char*>(piece.data()), piece.size());
                size += piece.size();
            }
            serializer.consume(size);
        });
        if (error) throw boost::system::system_error(error);
    }
}

/// Reads some bytes into `input`, at most `chunk`; 0 is the end of the stream.
template <class Stream>
std::size_t read_some(Stream& stream, flat_buffer& input, std::size_t chunk) {
    const auto room = input.prepare(chunk);
    const auto size = stream.read(std::span(static_cast<char*>(room.data()), room.size()));
    input.commit(size);
    return size;
}

/// Feeds what is in `input`, and then what the stream brings, to the parser until the message is
/// whole. Beast's own errors (malformed, too large, `partial_message`, `end_of_stream` for nothing
/// at all) are returned; those of the stream are thrown. Bytes beyond the message stay in `input`.
template <class Stream, class Parser>
boost::system::error_code read_message(Stream& stream, flat_buffer& input, Parser& parser,
                                       std::size_t chunk) {
    boost::system::error_code error;
    while (!parser.is_done()) {
        if (input.size() > 0) {
            input.consume(parser.put(input.data(), error));
            if (!error) continue;
            if (error != http::error::need_more) return error;
            if (input.size() >= input.max_size()) return http::error::buffer_overflow;
        }
        const std::size_t room = std::min(chunk, input.max_size() - input.size());
        if (read_some(stream, input, room) > 0) continue;
        if (!parser.got_some()) return http::error::end_of_stream;
        parser.put_eof(error);
        return error;
    }
    return {};
}

} // namespace web
