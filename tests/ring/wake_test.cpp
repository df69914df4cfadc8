// SPDX-License-Identifier: MIT
#include "base/spin_lock.hpp"
#include "ring/poller_fixture.hpp"

#include <sys/socket.h>

#include <atomic>
#include <csignal>
#include <random>
#include <thread>

namespace {

using namespace coir::detail;
using namespace coir::detail::testing;

// Waits as the scheduler does: look, sleep without limit (or nearly), look again.
template <typename Condition> bool slept_until(poller& poller, Condition condition) {
    const std::int64_t limit_ns = monotonic_ns() + patience_ns;
    while (!condition()) {
        poller.wait(limit_ns);
        if (monotonic_ns() >= limit_ns) return condition();
    }
    return true;
}

TEST_CASE("wake: before the sleep it prevents it, once") {
    on_both_backends([](poller& poller) {
        poller.wake();
        poller.wake();
        poller.wait(monotonic_ns() + patience_ns);
        // Both are consumed by that one: the next sleeps until its deadline.
        const std::int64_t deadline_ns = monotonic_ns() + 20 * one_millisecond_ns;
        int turns = 0;
        while (monotonic_ns() < deadline_ns) {
            poller.wait(deadline_ns);
            ++turns;
        }
        CHECK_MESSAGE(turns < 50, turns, " turns");
    });
}

TEST_CASE("wake: poll does not consume it") {
    on_both_backends([](poller& poller) {
        poller.wake();
        CHECK_FALSE(poller.poll());
        CHECK_FALSE(poller.poll());
        const std::int64_t begin_ns = monotonic_ns();
        poller.wait(begin_ns + patience_ns);
        CHECK(monotonic_ns() - begin_ns < patience_ns / 2);
    });
}

TEST_CASE("wake: none is lost between a thread and a poller that sleep in turn") {
    on_both_backends([](poller& poller) {
        constexpr int rounds = 20'000;
        std::atomic<int> asked{0};
        std::atomic<int> answered{0};
        std::thread other([&] {
            std::mt19937 random(1);
            for (int i = 1; i <= rounds; ++i) {
                asked.store(i, std::memory_order_relaxed); // wake() publishes it
                poller.wake();
                // Sometimes the owner sleeps by now, sometimes it is on its way.
                for (unsigned spins = random() % 64; spins != 0; --spins) cpu_relax();
                while (answered.load(std::memory_order_acquire) != i) std::this_thread::yield();
            }
        });
        bool lost = false;
        for (int i = 1; i <= rounds && !lost; ++i) {
            lost = !slept_until(poller, [&] { return asked.load(std::memory_order_relaxed) >= i; });
            answered.store(lost ? rounds : i, std::memory_order_release);
        }
        other.join();
        CHECK_FALSE(lost);
    });
}

TEST_CASE("wake: several threads, completions in between, nothing lost") {
    on_both_backends([](poller& poller) {
        constexpr int threads = 3;
        constexpr int rounds = 10'000;
        const auto [left, right] = socket_pair(poller);
        std::atomic<int> work{0};
        std::vector<std::thread> wakers;
        for (int i = 0; i < threads; ++i) {
            wakers.emplace_back([&, seed = i] {
                std::mt19937 random(static_cast<unsigned>(seed));
                for (int turn = 0; turn < rounds; ++turn) {
                    work.fetch_add(1, std::memory_order_relaxed); // wake() publishes it
                    poller.wake();
                    for (unsigned spins = random() % 512; spins != 0; --spins) cpu_relax();
                }
            });
        }
        int done = 0;
        char byte = 0;
        operation read;
        poller.submit(read, request::recv(left.get(), &byte, 1));
        const bool finished = slept_until(poller, [&] {
            done += work.exchange(0, std::memory_order_relaxed);
            if (done % 7 == 0 && !read.done()) {
                CHECK(::send(right.get(), "x", 1, MSG_DONTWAIT) == 1);
            }
            if (read.done()) {
                read.completions = 0;
                poller.submit(read, request::recv(left.get(), &byte, 1));
                poller.poll();
            }
            return done == threads * rounds;
        });
        CHECK(finished);
        for (auto& each : wakers) each.join();
        poller.cancel(read);
        wait_until(poller, [&] { return read.done(); });
    });
}

std::atomic<poller*> signalled_poller{nullptr};

TEST_CASE("wake: from a signal handler") {
    on_both_backends([](poller& poller) {
        signalled_poller.store(&poller, std::memory_order_relaxed);
        const auto previous = std::signal(
            SIGUSR1, [](int) { signalled_poller.load(std::memory_order_relaxed)->wake(); });
        const pthread_t owner = ::pthread_self();
        std::atomic<bool> sleeping{false};
        std::thread other([&] {
            while (!sleeping.load(std::memory_order_acquire)) std::this_thread::yield();
            ::pthread_kill(owner, SIGUSR1);
        });
        const std::int64_t begin_ns = monotonic_ns();
        sleeping.store(true, std::memory_order_release);
        poller.wait(begin_ns + patience_ns);
        CHECK(monotonic_ns() - begin_ns < patience_ns / 2);
        other.join();
        std::signal(SIGUSR1, previous);
    });
}

} // namespace
