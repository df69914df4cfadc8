// SPDX-License-Identifier: MIT
// Passes TCP connections on to another address, both ways, half-closed ones too. Connections on
// which nothing moves are cut after a while. SIGTERM lets the open ones come to their end; a second
// one does not.
//
//     $ tcp_proxy --port 8080 --to example.org:80

#include "service/server_loop.hpp"

#include <coir/coir.hpp>

#include <CLI/CLI.hpp>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <functional>
#include <regex>
#include <span>
#include <string>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using seconds = std::chrono::duration<double>;

struct settings {
    std::string host = "127.0.0.1";
    std::uint16_t port = 8080;
    std::string target_host{};
    std::uint16_t target_port = 0;
    double idle_s = 60, grace_s = 30;
};

/// Bytes have moved, whichever way.
struct heartbeat {};

void pump(coir::tcp_stream& from, coir::tcp_stream& to, const coir::sender<heartbeat>& beats) {
    std::vector<char> memory(64 * 1024);
    while (const std::size_t size = from.read(memory)) {
        to.write_all(std::span{memory}.first(size));
        std::ignore = beats.try_send({}); // one that waits to be heard is enough
    }
    to.shutdown_write();
}

/// Returns when no more heartbeats can come, and throws if none comes for too long.
void watch(const coir::receiver<heartbeat>& beats, seconds limit) {
    heartbeat beat;
    coir::channel_status status{};
    do {
        status = beats.recv_for(limit, beat);
    } while (status == coir::channel_status::success);
    if (status == coir::channel_status::timeout)
        throw std::system_error{std::make_error_code(std::errc::timed_out), "idle"};
}

void relay(coir::tcp_stream client, const settings& given) {
    try {
        auto server = coir::with_timeout(
            10s, [&] { return coir::tcp_stream::connect(given.target_host, given.target_port); });
        client.set_no_delay(true);
        server.set_no_delay(true);
        auto [beats_in, beats] = coir::channel<heartbeat>(1);
        coir::task_group members; // an error of one ends the others
        members.go(pump, std::ref(client), std::ref(server), beats_in);
        members.go(pump, std::ref(server), std::ref(client), std::move(beats_in));
        members.go(watch, std::move(beats), seconds{given.idle_s});
        members.wait();
    } catch (const std::system_error& error) {
        std::fprintf(stderr, "%s\n", error.what());
    }
}

int serve(const settings& given) {
    const auto stop = coir::signals({SIGINT, SIGTERM});
    auto listener = service::listen(given.host, given.port);
    coir::task_group connections;
    const auto pass_on = [&given](coir::tcp_stream client) { relay(std::move(client), given); };
    service::accept_until(listener, stop, connections, pass_on);
    listener.close();
    std::puts("draining");
    std::fflush(stdout);
    std::puts(service::drain(connections, stop, seconds{given.grace_s}) ? "drained" : "cut short");
    return 0;
}

/// Takes HOST:PORT apart; an IPv6 address stands in brackets.
bool parse_target(const std::string& text, settings& given) {
    static const std::regex form{R"((?:\[(.+)\]|([^:]+)):(\d{1,5}))"};
    std::smatch part;
    if (!std::regex_match(text, part, form) || std::stoul(part[3]) > 65'535) return false;
    given.target_host = part[part[1].matched ? 1 : 2];
    given.target_port = static_cast<std::uint16_t>(std::stoul(part[3]));
    return true;
}

} // namespace

int main(int argc, char** argv) try {
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
    return coir::run([&] { return serve(given); });
} catch (const std::exception& error) {
    std::fprintf(stderr, "tcp_proxy: %s\n", error.what());
    return 1;
}
