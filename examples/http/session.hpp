// SPDX-License-Identifier: MIT
#pragma once
// Owns the server's side of one HTTP/1.1 connection, from accept to close.

#include "http/message_io.hpp"
#include "http/pages.hpp"
#include "http/static_files.hpp"

#include <coir/net/tcp.hpp>

#include <atomic>
#include <chrono>
#include <ctime>
#include <optional>
#include <string>

namespace web {

struct session_options {
    std::chrono::nanoseconds idle_limit = std::chrono::seconds(30); // to get a request whole
    std::chrono::nanoseconds write_limit = std::chrono::seconds(30);
};

/// What all sessions of a server share.
struct site {
    session_options options = {};
    std::optional<static_files> files = {}; ///< served instead of the pages
    std::atomic<bool> stopping = false;     ///< no connection is kept alive any more
};

class session {
public:
    session(coir::tcp_stream stream, const site& served);

    /// Serves requests until the peer closes, misbehaves or falls silent. Cancellation ends the
    /// wait for a request, never an answer that has begun. Throws nothing but `coir::cancelled`: a
    /// broken connection is the peer's business.
    void serve();

private:
    bool serve_one();
    bool respond(const page_request& request, page_response response, bool keep_alive);
    bool respond_with_file(const page_request& request);
    void send_part(static_files::found& found, byte_range part);
    template <class Body>
    bool add_fields(boost::beast::http::response<Body>& response, const page_request& request,
                    bool keep_alive);
    bool refuse(boost::system::error_code error);
    const std::string& date();

    coir::tcp_stream stream_;
    const site& site_;
    flat_buffer input_;
    std::string output_; // kept for its memory
    std::string
        date_; // of date_second_: formatting it for each answer would cost more than the answer
    std::time_t date_second_ = -1;
};

} // namespace web
