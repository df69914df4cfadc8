// SPDX-License-Identifier: MIT
// Sends back whatever it receives. A coroutine per connection, and code as for one.
//
//     $ echo_server --port 7777 & sleep 1; echo hello | nc -N localhost 7777

#include "service/server_loop.hpp"

#include <coir/coir.hpp>

#include <CLI/CLI.hpp>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <string>

namespace {

struct settings {
    std::string host = "127.0.0.1";
    std::uint16_t port = 7777;
    double grace_s = 5;
};

void echo(coir::tcp_stream stream) {
    try {
        stream.set_no_delay(true);
        coir::copy(stream, stream);
        stream.shutdown_write();
    } catch (const std::system_error& error) { // the peer is gone
        std::fprintf(stderr, "%s\n", error.what());
    }
}

int serve(const settings& given) {
    const auto stop = coir::signals({SIGINT, SIGTERM});
    auto listener = coir::tcp_listener::bind(given.host, given.port);
    std::printf("listening on %s\n", listener.local_endpoint().to_string().c_str());
    std::fflush(stdout);
    coir::task_group connections;
    service::accept_until(listener, stop, connections, echo);
    listener.close();
    const std::chrono::duration<double> grace{given.grace_s};
    service::drain(connections, stop, std::chrono::duration_cast<std::chrono::nanoseconds>(grace));
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    settings given;
    CLI::App app{"Sends back whatever it receives."};
    app.add_option("--host", given.host, "the address to listen on")->capture_default_str();
    app.add_option("--port", given.port, "the port; 0: any")->capture_default_str();
    app.add_option("--grace", given.grace_s, "seconds for open connections after SIGTERM")
        ->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    try {
        return coir::run([&] { return serve(given); });
    } catch (const std::exception& error) {
        std::fprintf(stderr, "echo_server: %s\n", error.what());
        return 1;
    }
}
