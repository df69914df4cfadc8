// SPDX-License-Identifier: MIT
// Owns the promise that a loop of operations that never wait does not starve the rest.
#include "fixture.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <optional>
#include <tuple>

using namespace std::chrono_literals;
using namespace fixture;

TEST_CASE("a loop that asks an empty channel lets its sender run") {
    for_each_runtime([] {
        const coir::chan<int> ch{1};
        auto sender = coir::go([ch] { CHECK(ch.send(7)); });
        int value = 0;
        while (ch.try_recv(value) != coir::channel_status::success) {}
        CHECK(value == 7);
        sender.join();
    });
}

TEST_CASE("a limit strikes while a channel is filled and drained without a wait") {
    for_each_runtime([] {
        const coir::chan<int> ch{coir::unbounded};
        CHECK_THROWS_AS(
            coir::with_timeout(20ms,
                               [&] {
                                   for (;;) {
                                       std::ignore = ch.send(1);
                                       std::ignore = ch.recv();
                                       if (coir::this_task::stop_token().stop_requested())
                                           coir::yield();
                                   }
                               }),
            std::system_error);
    });
}

TEST_CASE("a select that always finds something ready lets others run") {
    for_each_runtime([] {
        const coir::chan<int> busy{1};
        const coir::chan<int> quit;
        auto stopper = coir::go([quit] { CHECK(quit.send(1)); });
        bool done = false;
        while (!done) {
            CHECK(busy.send(1));
            coir::select_biased(busy.on_recv([](std::optional<int> value) { CHECK(value == 1); }),
                                quit.on_recv([&](std::optional<int>) { done = true; }));
            coir::select(quit.on_recv([&](std::optional<int>) { done = true; }), coir::otherwise());
        }
        stopper.join();
    });
}
