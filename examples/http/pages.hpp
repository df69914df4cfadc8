// SPDX-License-Identifier: MIT
#pragma once
// Owns what the server serves: from a request's method and target to a response.

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

namespace web {

using page_request = boost::beast::http::request<boost::beast::http::empty_body>;
using page_response = boost::beast::http::response<boost::beast::http::string_body>;

/// Answers the request; may park (/slow does). The caller adds what concerns the connection.
page_response answer(const page_request& request);

/// Returns a short text/plain response.
page_response text_response(boost::beast::http::status status, std::string body);

} // namespace web
