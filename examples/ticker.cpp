// SPDX-License-Identifier: MIT
// Tickers and timers as what they are, channels: one select waits for the next item, for the time
// to report, and for nothing having come for too long. Then two things that a ticker does not do:
// pile up ticks for a slow receiver, and leave one behind when it is stopped.
//
//     ticker [ITEMS [PERIOD_MS]]

#include "command_line/numbers.hpp"

#include <coir/coir.hpp>

#include <chrono>
#include <cstdio>
#include <tuple>

namespace {

using std::chrono::milliseconds;

/// Sends an item every now and then, and then no more, but does not close: only the timer notices.
void produce(const coir::chan<int>& items, int count, milliseconds period) {
    for (int i = 0; i < count; ++i) {
        coir::sleep_for(period / 3);
        if (!items.send(i)) return;
    }
}

void watch_items(int count, milliseconds period) {
    const coir::chan<int> items;
    auto producer = coir::go([=] { produce(items, count, period); });

    int done = 0;
    coir::ticker report{period};
    coir::timer idle{20 * period};
    for (bool going = true; going;) {
        coir::select(items.on_recv([&](auto) {
            ++done;
            idle.reset(20 * period); // begins anew with every item
        }),
                     report.on_recv([&](auto) { std::printf("%d of %d done\n", done, count); }),
                     idle.on_recv([&](auto) { going = false; }));
    }
    producer.join();
    std::printf("nothing more after %d items\n", done);
}

void be_slow(milliseconds period) {
    coir::ticker every{period};
    coir::sleep_for(20 * period);
    std::ignore = every.recv(); // the one tick that was kept
    int piled_up = 0;
    while (coir::select(every.on_recv(), coir::otherwise()) == 0) ++piled_up;
    std::printf("after 20 periods of sleep, one tick and %d more\n", piled_up);
}

void stop_it(milliseconds period) {
    coir::ticker every{period};
    coir::sleep_for(5 * period);
    const bool was_running = every.stop(); // takes back the tick that nobody has received
    const bool stale = coir::select(every.on_recv(), coir::on_timeout(5 * period)) == 0;
    std::printf("stopped (%s): %s\n", was_running ? "it was running" : "it was not running",
                stale ? "and yet a tick" : "no tick is left");
}

} // namespace

int main(int argc, char** argv) {
    const auto given = command_line::numbers<int>(argc, argv, "ticker [ITEMS [PERIOD_MS]]",
                                                  {20, 10}, {.most = 10'000});
    coir::run([items = given[0], period = milliseconds{given[1]}] {
        watch_items(items, period);
        be_slow(period);
        stop_it(period);
    });
    return 0;
}
