// SPDX-License-Identifier: MIT
// The server of the rows `echo_N`: sends back what it receives, a coroutine per connection.
//
//     $ net_echo_server    (COIR_WORKERS and COIR_IO as everywhere)

#include <coir/coir.hpp>

#include <array>
#include <cstdio>
#include <system_error>

namespace {

void echo(coir::tcp_stream stream) {
    std::array<char, 4096> buffer;
    try {
        stream.set_no_delay(true);
        while (const std::size_t size = stream.read(buffer)) {
            stream.write_all(std::span{buffer}.first(size));
        }
    } catch (const std::system_error&) { // the peer is gone
    }
}

} // namespace

int main() {
    return coir::run([] {
        auto listener =
            coir::tcp_listener::bind("127.0.0.1", 0, coir::listen_options{.backlog = 4096});
        std::printf("%u\n", unsigned{listener.local_endpoint().port()});
        std::fflush(stdout);
        for (;;) coir::go(echo, listener.accept());
        return 0;
    });
}
