// SPDX-License-Identifier: MIT
// Covers simulate: what a seed decides, and where a body may run.

#include "fixture.hpp"

#include <coir/testing.hpp>

#include <functional>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace fixture;
using coir::testing::simulate;

namespace {

// The order in which five coroutines come by, three times each.
std::vector<int> order_of(std::uint64_t seed) {
    std::vector<int> order;
    simulate({.seed = seed}, [&] {
        coir::wait_group all;
        for (int who = 0; who < 5; ++who) {
            all.go([&order, who] {
                for (int i = 0; i < 3; ++i) {
                    order.push_back(who);
                    coir::testing::maybe_preempt();
                }
            });
        }
        all.wait();
    });
    return order;
}

} // namespace

TEST_CASE("the same seed gives the same run, and others give others") {
    CHECK(order_of(42).size() == 15);
    int differ = 0;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        const auto order = order_of(seed);
        for (int i = 0; i < 5; ++i) CHECK(order_of(seed) == order);
        differ += order != order_of(42) ? 1 : 0;
    }
    CHECK(differ > 15);
}

TEST_CASE("every number is a seed") {
    for (std::uint64_t seed = 1; seed != 0; seed <<= 1) {
        CHECK(order_of(seed).size() == 15);
        CHECK(order_of(~seed) == order_of(~seed));
    }
}

TEST_CASE("the random choice of select is part of the schedule") {
    const auto chosen = [](std::uint64_t seed) {
        std::vector<std::size_t> indices;
        simulate({.seed = seed}, [&] {
            const coir::chan<int> a(1), b(1), c(1);
            for (int i = 0; i < 50; ++i) {
                static_cast<void>(a.try_send(1));
                static_cast<void>(b.try_send(1));
                static_cast<void>(c.try_send(1));
                indices.push_back(coir::select(a.on_recv(), b.on_recv(), c.on_recv()));
            }
        });
        return indices;
    };
    CHECK(chosen(7) == chosen(7));
    CHECK(chosen(7) != chosen(8));
}

TEST_CASE("ids count from one in each run") {
    for (int i = 0; i < 2; ++i) {
        simulate([] {
            CHECK(coir::this_task::id() == 1);
            auto other = coir::go([] { return coir::this_task::id(); });
            CHECK(other.id() == 2);
            CHECK(other.join() == 2);
        });
    }
}

TEST_CASE("the body runs on the calling thread, once") {
    const auto caller = std::this_thread::get_id();
    int runs = 0;
    simulate([&] {
        ++runs;
        CHECK(::gettid() == ::getpid());
        coir::go([&] { CHECK(std::this_thread::get_id() == caller); }).join();
    });
    CHECK(runs == 1);
}

TEST_CASE("loops that try do not keep others from running, whatever the strategy") {
    for (std::uint64_t kind = 0; kind < 4; ++kind) {
        for (std::uint64_t low = 0; low < 50; ++low) {
            simulate({.seed = kind << 62 | std::uint64_t{3} << 58 | low}, [] {
                coir::mutex held;
                held.lock();
                auto owner = coir::go([&] { held.unlock(); });
                while (!held.try_lock()) {}
                const coir::chan<int> values;
                auto sender = coir::go([&] { CHECK(values.send(1)); });
                int out = 0;
                while (values.try_recv(out) != coir::channel_status::success) {}
                held.unlock();
                owner.join();
                sender.join();
            });
        }
    }
}

TEST_CASE("blocking runs in the caller's place") {
    const auto caller = ::gettid();
    simulate([&] { CHECK(coir::blocking([] { return ::gettid(); }) == caller); });
}

TEST_CASE("simulations do not nest and runtimes do not run inside") {
    simulate([] {
        CHECK_THROWS_AS(simulate([] {}), std::logic_error);
        CHECK_THROWS_AS(coir::run([] {}), std::logic_error);
    });
    coir::run([] { CHECK_THROWS_AS(simulate([] {}), std::logic_error); });
}

TEST_CASE("simulations of several threads do not disturb each other, nor a runtime beside them") {
    std::vector<std::thread> threads;
    std::array<std::vector<int>, 3> orders;
    for (std::size_t i = 0; i < orders.size(); ++i) {
        threads.emplace_back([&orders, i] {
            for (int round = 0; round < 20; ++round) orders[i] = order_of(42);
        });
    }
    coir::run(with_workers(2), [] {
        const auto start = coir::clock::now();
        coir::sleep_for(1ms);
        CHECK(coir::clock::now() - start >= 1ms);
        CHECK(coir::clock::now() - start < 60s);
    });
    for (std::thread& thread : threads) thread.join();
    const auto alone = order_of(42);
    for (const auto& order : orders) CHECK(order == alone);
}

TEST_CASE("a simulation in a handler leaves the exception that is handled alone") {
    try {
        throw std::runtime_error("handled");
    } catch (...) {
        simulate([] {
            CHECK(std::current_exception() == nullptr);
            CHECK_THROWS_AS(coir::go([] { throw 1; }).join(), int);
        });
        CHECK_THROWS_WITH(std::rethrow_exception(std::current_exception()), "handled");
        CHECK(std::uncaught_exceptions() == 0);
    }
}

namespace {

int calls_of_plain = 0;
void plain() { ++calls_of_plain; }
struct functor {
    int calls = 0;
    int operator()() { return ++calls; }
};

} // namespace

TEST_CASE("anything that can be called is a body") {
    simulate(plain);
    simulate({.seed = 1}, plain);
    simulate({.seed = 1}, &plain);
    coir::testing::explore({.schedules = 5}, plain);
    CHECK(calls_of_plain == 8);
    functor counted;
    coir::testing::explore({.schedules = 5}, counted);
    CHECK(counted.calls == 5);
    simulate(functor{});
    const auto constant = [] { return std::make_unique<int>(1); };
    simulate(constant);
    simulate(std::function<void()>{plain});
}

TEST_CASE("maybe_preempt does nothing outside of a simulation") {
    coir::testing::maybe_preempt();
    coir::run(with_workers(1), [] {
        bool others_ran = false;
        auto other = coir::go([&] { others_ran = true; });
        coir::testing::maybe_preempt();
        CHECK(!others_ran);
        other.join();
    });
}
