// SPDX-License-Identifier: MIT
// Sends back whatever it receives. A coroutine per connection, and code as for one.
//
//     $ echo_server --port 7777 & sleep 1; echo hello | nc -N localhost 7777

#include "service/server_loop.hpp"

#include <coir/coir.hpp>

#include <CLI/CLI.hpp>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <string>

namespace {

void echo(coir::tcp_stream stream) {
    try {
        stream.set_no_delay(true);
        coir::copy(stream, stream);
        stream.shutdown_write();
    } catch (const std::system_error& error) { // the peer is gone
        std::fprintf(stderr, "%s\n", error.what());
    }
}

int serve(const std::string& host, std::uint16_t port, std::chrono::duration<double> grace) {
    const auto stop = coir::signals({SIGINT, SIGTERM});
    auto listener = service::listen(host, port);
    coir::task_group connections;
    service::accept_until(listener, stop, connections, echo);
    listener.close();
    service::drain(connections, stop, grace);
    return 0;
}

} // namespace

int main(int argc, char** argv) try {
    CLI::App app{"Sends back whatever it receives."};
    std::string host = "127.0.0.1";
    std::uint16_t port = 7777;
    double grace_s = 5;
    app.add_option("--host", host, "the address to listen on")->capture_default_str();
    app.add_option("--port", port, "the port; 0: any")->capture_default_str();
    app.add_option("--grace", grace_s, "seconds for open connections after SIGTERM")
        ->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    return coir::run([&] { return serve(host, port, std::chrono::duration<double>{grace_s}); });
} catch (const std::exception& error) {
    std::fprintf(stderr, "echo_server: %s\n", error.what());
    return 1;
}
