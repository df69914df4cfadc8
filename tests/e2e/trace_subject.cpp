// SPDX-License-Identifier: MIT
// Not a test: whose instructions trace_cost_test.py counts. A client asks a server of its own for
// as many pages as the argument says, all on one worker and with real parsers, so that nothing
// depends on other programs.

#include "http/message_io.hpp"

#include <coir/coir.hpp>

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <cstdlib>
#include <string>
#include <utility>

namespace {

namespace http = boost::beast::http;

constexpr std::size_t chunk = 4096;

template <class Message> void send(coir::tcp_stream& stream, Message message) {
    message.prepare_payload();
    std::string text;
    web::serialize(message, text);
    stream.write_all(text);
}

void serve(coir::tcp_stream stream) {
    boost::beast::flat_buffer input;
    for (;;) {
        http::request_parser<http::string_body> parser;
        if (web::read_message(stream, input, parser, chunk)) return;
        http::response<http::string_body> response{http::status::ok, 11, "a page"};
        response.set(http::field::content_type, "text/plain");
        send(stream, std::move(response));
    }
}

void ask(coir::tcp_stream& stream, int pages) {
    boost::beast::flat_buffer input;
    for (int i = 0; i < pages; ++i) {
        http::request<http::empty_body> request{http::verb::get, "/", 11};
        request.set(http::field::host, "localhost");
        send(stream, std::move(request));
        http::response_parser<http::string_body> parser;
        if (web::read_message(stream, input, parser, chunk)) std::abort();
    }
}

} // namespace

int main(int argc, char** argv) {
    coir::run({.workers = 1}, [pages = argc > 1 ? std::atoi(argv[1]) : 1] {
        auto listener = coir::tcp_listener::bind("127.0.0.1", 0);
        auto serving = coir::go([&] { serve(listener.accept()); });
        auto stream = coir::tcp_stream::connect(listener.local_endpoint());
        ask(stream, pages);
        stream.close();
        serving.join();
    });
}
