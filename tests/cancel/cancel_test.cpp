// SPDX-License-Identifier: MIT
// Covers ambient cancellation: what throws, what does not, and that nothing is lost by it.

#include "fixture.hpp"

#include <functional>
#include <optional>
#include <stop_token>
#include <string>

using namespace fixture;
using coir::channel_status;

static_assert(!std::is_base_of_v<std::exception, coir::cancelled>);
static_assert(std::is_base_of_v<std::exception, coir::task_cancelled>);
static_assert(!std::is_base_of_v<coir::cancelled, coir::task_cancelled>);

namespace {

/// Starts the body, gives it time to park, stops it, and checks that `cancelled` cut it short.
void check_cut_short(const std::function<void()>& body) {
    std::atomic<bool> started{false};
    std::atomic<bool> cut{false};
    auto task = coir::go([&] {
        started.store(true);
        try {
            body();
        } catch (const coir::cancelled&) {
            cut.store(true);
            throw;
        }
    });
    while (!started.load()) coir::yield();
    for (int i = 0; i < 20; ++i) coir::yield();
    task.request_stop();
    CHECK_THROWS_AS(task.join(), coir::task_cancelled);
    CHECK(cut.load());
}

} // namespace

TEST_CASE("every operation that waits is cut short by cancellation") {
    for_each_runtime([] {
        const coir::chan<int> ch;
        const coir::chan<int> full(1);
        CHECK(full.send(0));
        auto never = coir::go([] { coir::sleep_for(1h); });
        int out = 0;
        check_cut_short([&] { static_cast<void>(ch.recv()); });
        check_cut_short([&] { static_cast<void>(ch.send(1)); });
        check_cut_short([&] { static_cast<void>(full.send(1)); });
        check_cut_short([&] { static_cast<void>(ch.recv_for(1h, out)); });
        check_cut_short([&] { static_cast<void>(ch.send_for(1h, 1)); });
        check_cut_short(
            [&] { static_cast<void>(ch.recv_until(coir::clock::time_point::max(), out)); });
        check_cut_short([&] {
            for (int value : ch) static_cast<void>(value);
        });
        check_cut_short([&] { coir::select(ch.on_recv(), full.on_send(1)); });
        check_cut_short([&] { coir::select(ch.on_recv(), coir::on_timeout(1h)); });
        check_cut_short([&] { coir::select(); });
        check_cut_short([&] { coir::sleep_for(1h); });
        check_cut_short([&] { coir::sleep_until(coir::clock::now() + 1h); });
        check_cut_short([&] { never.join(); });
        check_cut_short([&] { static_cast<void>(coir::after(1h).recv()); });
        check_cut_short([&] {
            for (;;) coir::yield();
        });
        CHECK(full.size() == 1);
        never.request_stop();
        CHECK_THROWS_AS(never.join(), coir::task_cancelled);
    });
}

TEST_CASE("once cancelled, every further wait throws again") {
    for_each_runtime([] {
        const coir::chan<int> ch;
        std::atomic<bool> started{false};
        int cuts = 0;
        auto task = coir::go([&] {
            started.store(true);
            for (int i = 0; i < 3; ++i) {
                try {
                    static_cast<void>(ch.recv());
                } catch (const coir::cancelled&) {
                    ++cuts;
                }
            }
            try {
                coir::yield();
            } catch (const coir::cancelled&) {
                ++cuts;
            }
            static_cast<void>(ch.recv());
        });
        while (!started.load()) coir::yield();
        task.request_stop();
        CHECK_THROWS_AS(task.join(), coir::task_cancelled);
        CHECK(cuts == 4);
    });
}

TEST_CASE("while a stack unwinds its destructors may wait") {
    for_each_runtime([] {
        const coir::chan<int> goodbyes;
        const coir::chan<int> started;
        auto task = coir::go([&] {
            struct polite {
                const coir::chan<int>& to;
                ~polite() {
                    CHECK(to.send(1));
                    coir::sleep_for(1ms);
                    coir::yield();
                    CHECK(to.send(2));
                }
            };
            const polite last{goodbyes};
            CHECK(started.send(1));
            coir::sleep_for(1h);
        });
        CHECK(started.recv().has_value());
        task.request_stop();
        CHECK(goodbyes.recv() == 1);
        CHECK(goodbyes.recv() == 2);
        CHECK_THROWS_AS(task.join(), coir::task_cancelled);
    });
}

TEST_CASE("this_task::stop_token tells of the stop, also to callbacks") {
    for_each_runtime([] {
        const coir::chan<int> started;
        std::atomic<int> called{0};
        auto task = coir::go([&] {
            const std::stop_token token = coir::this_task::stop_token();
            CHECK(token.stop_possible());
            CHECK(!token.stop_requested());
            const std::stop_callback callback(token, [&] { ++called; });
            CHECK(started.send(1));
            // The callback is kept registered until it has run: the token alone may say so earlier.
            while (called.load() == 0) {
                try {
                    coir::yield();
                } catch (const coir::cancelled&) {
                    CHECK(token.stop_requested());
                }
            }
            CHECK(token.stop_requested());
        });
        CHECK(started.recv().has_value());
        task.request_stop();
        task.join(); // it swallowed the cancellation, so it ended as it pleased
        CHECK(called.load() == 1);
    });
}

TEST_CASE("a task that finished before the stop keeps its result") {
    for_each_runtime([] {
        auto task = coir::go([] { return 7; });
        while (!task.done()) coir::yield();
        task.request_stop();
        task.request_stop();
        CHECK(task.join() == 7);
    });
}

TEST_CASE("join in a cancelled task throws cancelled, a cancelled task joined task_cancelled") {
    for_each_runtime([] {
        auto inner = coir::go([] { coir::sleep_for(1h); });
        std::string seen;
        std::atomic<bool> started{false};
        auto outer = coir::go([&] {
            started.store(true);
            try {
                inner.join();
            } catch (const coir::task_cancelled&) {
                seen = "inner was cancelled";
            } catch (const coir::cancelled&) {
                seen = "outer was cancelled";
                throw;
            }
        });
        while (!started.load()) coir::yield();
        outer.request_stop();
        CHECK_THROWS_AS(outer.join(), coir::task_cancelled);
        CHECK(seen == "outer was cancelled");
        // The inner one was not joined by the failed attempt, and goes on.
        CHECK(!inner.done());
        inner.request_stop();
        CHECK_THROWS_AS(inner.join(), coir::task_cancelled);
    });
}

TEST_CASE("a cancelled receiver takes no value with it") {
    for_each_runtime([](int workers) {
        const coir::chan<move_only> ch;
        for (int round = 0; round < scaled(200); ++round) {
            crew senders{workers};
            std::atomic<bool> taken{false};
            auto receiver = coir::go([&] {
                if (ch.recv()) taken.store(true);
            });
            if (round % 2 == 0) coir::yield();
            std::atomic<bool> sent{false};
            senders.start([&, round] {
                move_only value{round};
                sent.store(ch.send_for(1ms, std::move(value)) == channel_status::success);
                CHECK((value == (sent.load() ? tracked::moved_from : round)));
            });
            if (round % 3 == 0) coir::yield();
            receiver.request_stop();
            bool cancelled = false;
            try {
                receiver.join();
            } catch (const coir::task_cancelled&) {
                cancelled = true;
            }
            senders.join();
            CHECK(taken.load() == sent.load());
            CHECK(cancelled == !taken.load());
        }
    });
}

TEST_CASE("a cancelled sender leaves its value either sent or untouched") {
    for_each_runtime([] {
        const coir::chan<move_only> ch;
        for (int round = 0; round < scaled(200); ++round) {
            std::atomic<int> kept{0};
            std::atomic<bool> started{false};
            auto sender = coir::go([&, round] {
                started.store(true);
                move_only value{round};
                try {
                    const bool sent = ch.send(std::move(value));
                    CHECK(sent);
                } catch (const coir::cancelled&) {
                    CHECK(value == round);
                    ++kept;
                    throw;
                }
            });
            if (round % 2 == 0) coir::yield();
            auto stopper = coir::go([&] { sender.request_stop(); });
            std::optional<move_only> out;
            const bool received = ch.recv_for(1ms, out) == channel_status::success;
            stopper.join();
            try {
                sender.join();
                CHECK(received);
            } catch (const coir::task_cancelled&) {
                CHECK(!received);
            }
            CHECK(received + kept.load() + !started.load() == 1);
        }
    });
}

TEST_CASE("a cancelled select leaves the channels as if it had never been") {
    for_each_runtime([] {
        const coir::chan<int> a;
        const coir::chan<int> b;
        for (int round = 0; round < scaled(100); ++round) {
            auto selecting = coir::go([&] { coir::select(a.on_recv(), b.on_send(1)); });
            for (int i = 0; i < round % 20; ++i) coir::yield();
            selecting.request_stop();
            CHECK_THROWS_AS(selecting.join(), coir::task_cancelled);
            int out = 0;
            CHECK(a.try_send(1) == channel_status::full);
            CHECK(b.try_recv(out) == channel_status::empty);
        }
    });
}

TEST_CASE("cancellation reaches ten thousand parked coroutines") {
    for_each_runtime([] {
        const coir::chan<int> ch;
        std::vector<coir::task<void>> tasks;
        const int count = scaled(10'000);
        for (int i = 0; i < count; ++i)
            tasks.push_back(coir::go([ch] { static_cast<void>(ch.recv()); }));
        coir::yield();
        for (auto& task : tasks) task.request_stop();
        int cancelled = 0;
        for (auto& task : tasks) {
            try {
                task.join();
            } catch (const coir::task_cancelled&) {
                ++cancelled;
            }
        }
        CHECK(cancelled == count);
        CHECK(ch.try_send(1) == channel_status::full);
    });
}
