// SPDX-License-Identifier: MIT
// Serves a few pages, or with --root the files of a folder, over HTTP/1.1, a coroutine for each
// connection. Try `http_server --port 8080` and, from another terminal,
// `curl http://127.0.0.1:8080/page/1` or `wrk -c 64 .../hello`; or `http_server --root .` and
// `curl -r 0-99 .../README.md`.

#include "http/descriptors.hpp"
#include "http/session.hpp"

#include <coir/coir.hpp>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <system_error>

using namespace std::chrono_literals;

namespace {

struct server_options {
    std::string host = "127.0.0.1";
    std::uint16_t port = 0;
    std::size_t workers = 0;
    std::string root;
    web::session_options session;
};

server_options parse_server_options(int argc, char** argv) {
    CLI::App app{"Serves a few pages over HTTP/1.1."};
    server_options options;
    double idle_s = 30;
    app.add_option("--host", options.host, "Address to listen on")->capture_default_str();
    app.add_option("--port", options.port, "Port to listen on; 0 lets the system choose")
        ->capture_default_str();
    app.add_option("--workers", options.workers, "Threads; 0 means one for each CPU")
        ->check(CLI::Range(0, 1024));
    app.add_option("--root", options.root, "Folder whose files to serve instead of the pages")
        ->check(CLI::ExistingDirectory);
    app.add_option("--idle-timeout", idle_s, "Seconds that a connection may take for a request")
        ->check(CLI::Range(0.001, 1e6))
        ->capture_default_str();
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        std::exit(app.exit(error) == 0 ? 0 : 2);
    }
    options.session.idle_limit = std::chrono::nanoseconds(static_cast<std::int64_t>(idle_s * 1e9));
    return options;
}

/// Starts a session for each connection, until cancelled.
void accept_all(coir::tcp_listener listener, const web::site& site) {
    for (bool failing = false;;) {
        std::error_code error;
        auto stream = listener.accept(error);
        if (error == std::errc::bad_file_descriptor || error == std::errc::operation_canceled)
            throw std::system_error(error, "accept");
        if (error) {
            // Out of descriptors or memory, or a peer that thought better of it: all of these pass.
            // The pause is there because the first two last until some connection closes.
            if (!failing) fmt::print(stderr, "http_server: accept: {}\n", error.message());
            failing = true;
            coir::sleep_for(50ms);
            continue;
        }
        failing = false;
        coir::go({.name = "session"}, [&, stream = std::move(stream)]() mutable {
            web::session(std::move(stream), site).serve();
        });
    }
}

int run_server(const server_options& options, web::site& site) {
    auto stop = coir::signals({SIGINT, SIGTERM});
    auto listener = coir::tcp_listener::bind(options.host, options.port);
    if (const auto now = coir::metrics(); now.io_backend != "io_uring")
        fmt::print(stderr, "http_server: over {}: {}\n", now.io_backend, now.io_backend_reason);
    fmt::print("listening on http://{}\n", listener.local_endpoint().to_string());
    std::fflush(stdout);
    auto acceptor = coir::go({.name = "acceptor"}, [&, listener = std::move(listener)]() mutable {
        accept_all(std::move(listener), site);
    });
    coir::select(stop.on_recv(), acceptor.on_done());
    stop = nullptr;                                       // a second signal ends the process
    site.stopping.store(true, std::memory_order_relaxed); // each session looks in its time
    if (acceptor.done()) acceptor.join();                 // rethrows what ended it
    // Returning from run cancels the acceptor and the sessions that wait for a request, and waits
    // for those that are answering one.
    return EXIT_SUCCESS;
}

} // namespace

int main(int argc, char** argv) try {
    const auto options = parse_server_options(argc, argv);
    web::raise_descriptor_limit();
    web::site site{options.session};
    if (!options.root.empty()) site.files.emplace(options.root);
    return coir::run({.workers = options.workers}, [&] { return run_server(options, site); });
} catch (const std::exception& error) {
    fmt::print(stderr, "http_server: {}\n", error.what());
    return EXIT_FAILURE;
}
