// SPDX-License-Identifier: MIT
// Sends a number back and forth between two coroutines over two rendezvous channels, and prints how
// many round trips that makes a second: `ping_pong 1000000`. COIR_WORKERS=1 shows the difference
// between handing a value to a coroutine on the same thread and to one on another.

#include "command_line/numbers.hpp"

#include <coir/coir.hpp>

#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <utility>

namespace {

/// Returns each number plus one.
void pong(const coir::receiver<long>& in, const coir::sender<long>& out) {
    for (const long n : in)
        if (!out.send(n + 1)) return;
}

void ping(const coir::sender<long>& out, const coir::receiver<long>& in, long round_trips) {
    for (long n = 0; n < round_trips;) {
        if (!out.send(n) || in.recv() != n + 1) throw std::runtime_error("the ball was lost");
        ++n;
    }
}

void play(long round_trips) {
    auto [there_tx, there_rx] = coir::channel<long>();
    auto [back_tx, back_rx] = coir::channel<long>();
    coir::go(pong, std::move(there_rx), std::move(back_tx));
    const auto begin = std::chrono::steady_clock::now();
    coir::go(ping, std::move(there_tx), std::move(back_rx), round_trips).join();
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
    std::printf("%ld round trips in %.3f s: %.0f a second, %.0f ns each\n", round_trips,
                elapsed.count(), static_cast<double>(round_trips) / elapsed.count(),
                elapsed.count() * 1e9 / static_cast<double>(round_trips));
}

} // namespace

int main(int argc, char** argv) {
    const auto [round_trips] = command_line::numbers<long>(argc, argv, "ping_pong [ROUND_TRIPS]",
                                                           {1'000'000}, {.most = 1'000'000'000});
    coir::run([&] { play(round_trips); });
    return 0;
}
