// SPDX-License-Identifier: MIT
// Passes TCP connections on to another address, both ways, half-closed ones too. Connections on
// which nothing moves are cut after a while. SIGTERM lets the open ones come to their end; a second
// one does not.
//
//     $ tcp_proxy --port 8080 --to example.org:80

#include "service/server_loop.hpp"

#include <coir/coir.hpp>

#include <CLI/CLI.hpp>

#include <atomic>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using nanoseconds = std::chrono::nanoseconds;

struct settings {
    std::string host = "127.0.0.1";
    std::uint16_t port = 8080;
    std::string target_host{};
    std::uint16_t target_port = 0;
    double idle_s = 60;
    double grace_s = 30;
};

nanoseconds seconds(double count) {
    return std::chrono::duration_cast<nanoseconds>(std::chrono::duration<double>{count});
}

/// When bytes moved last on a connection, whichever way.
class activity {
public:
    void happened() { last_.store(now(), std::memory_order_relaxed); } // nothing hangs on it
    nanoseconds since() const { return nanoseconds{now() - last_.load(std::memory_order_relaxed)}; }

private:
    static std::int64_t now() { return coir::clock::now().time_since_epoch().count(); }
    std::atomic<std::int64_t> last_{now()};
};

/// Waits for bytes as long as something moves, be it the other way.
std::size_t read_unless_idle(coir::tcp_stream& from, std::vector<char>& memory,
                             const activity& moved, nanoseconds limit) {
    for (;;) {
        const nanoseconds rest = limit - moved.since();
        if (rest <= 0ns)
            throw std::system_error{std::make_error_code(std::errc::timed_out), "idle"};
        try {
            return coir::with_timeout(rest, [&] { return from.read(memory); });
        } catch (const coir::timed_out&) { // look again
        }
    }
}

void pump(coir::tcp_stream& from, coir::tcp_stream& to, activity& moved, nanoseconds idle_limit) {
    std::vector<char> memory(64 * 1024);
    while (const std::size_t size = read_unless_idle(from, memory, moved, idle_limit)) {
        moved.happened();
        to.write_all(std::span{memory}.first(size));
        moved.happened();
    }
    to.shutdown_write();
}

void relay(coir::tcp_stream client, const settings& given) {
    try {
        auto server = coir::with_timeout(
            10s, [&] { return coir::tcp_stream::connect(given.target_host, given.target_port); });
        client.set_no_delay(true);
        server.set_no_delay(true);
        activity moved;
        const nanoseconds idle_limit = seconds(given.idle_s);
        coir::task_group both; // an error one way ends the other
        both.go([&] { pump(client, server, moved, idle_limit); });
        both.go([&] { pump(server, client, moved, idle_limit); });
        both.wait();
    } catch (const std::system_error& error) {
        std::fprintf(stderr, "%s\n", error.what());
    }
}

int serve(const settings& given) {
    const auto stop = coir::signals({SIGINT, SIGTERM});
    auto listener = coir::tcp_listener::bind(given.host, given.port);
    std::printf("listening on %s\n", listener.local_endpoint().to_string().c_str());
    std::fflush(stdout);
    coir::task_group connections;
    const auto pass_on = [&given](coir::tcp_stream client) { relay(std::move(client), given); };
    service::accept_until(listener, stop, connections, pass_on);
    listener.close();
    std::printf("draining\n");
    std::fflush(stdout);
    const bool drained = service::drain(connections, stop, seconds(given.grace_s));
    std::printf("%s\n", drained ? "drained" : "cut short");
    return 0;
}

bool parse_target(const std::string& text, settings& given) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string::npos || colon == 0) return false;
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data() + colon + 1, end, given.target_port);
    given.target_host = text.substr(0, colon);
    const bool bracketed = given.target_host.front() == '[' && given.target_host.back() == ']';
    if (bracketed) given.target_host = given.target_host.substr(1, given.target_host.size() - 2);
    return error == std::errc{} && rest == end && !given.target_host.empty();
}

} // namespace

int main(int argc, char** argv) {
    settings given;
    std::string target;
    CLI::App app{"Passes TCP connections on to another address."};
    app.add_option("--host", given.host, "the address to listen on")->capture_default_str();
    app.add_option("--port", given.port, "the port; 0: any")->capture_default_str();
    app.add_option("--to", target, "HOST:PORT to pass connections on to")->required();
    app.add_option("--idle-timeout", given.idle_s, "seconds without a byte until a cut")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    app.add_option("--grace", given.grace_s, "seconds for open connections after SIGTERM")
        ->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    if (!parse_target(target, given)) {
        std::fprintf(stderr, "tcp_proxy: --to takes HOST:PORT, not %s\n", target.c_str());
        return 2;
    }
    try {
        return coir::run([&] { return serve(given); });
    } catch (const std::exception& error) {
        std::fprintf(stderr, "tcp_proxy: %s\n", error.what());
        return 1;
    }
}
