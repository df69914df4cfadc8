// SPDX-License-Identifier: MIT
// Covers simulate: the seed, virtual time, what makes a run fail, and what becomes of it then.

#include "fixture.hpp"

#include <coir/testing.hpp>

#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>

using namespace fixture;
using coir::testing::failure;
using coir::testing::simulate;

namespace {

// What the body throws or runs into, as text; empty if nothing.
template <class Body> std::string failure_of(std::uint64_t seed, Body body) {
    try {
        simulate({.seed = seed}, body);
    } catch (const failure& failed) {
        CHECK(failed.seed() == seed);
        return failed.what();
    }
    return {};
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

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

TEST_CASE("time stands still while somebody can run and jumps when all are parked") {
    const auto real_start = std::chrono::steady_clock::now();
    simulate([] {
        const auto start = coir::clock::now();
        for (int i = 0; i < 100; ++i) coir::testing::maybe_preempt();
        CHECK(coir::clock::now() == start);
        auto late = coir::go([] { coir::sleep_for(24h); });
        coir::sleep_for(1h);
        CHECK(coir::clock::now() - start == 1h);
        late.join();
        CHECK(coir::clock::now() - start == 24h);
    });
    CHECK(std::chrono::steady_clock::now() - real_start < 20s);
}

TEST_CASE("timers, tickers, timeouts and timed operations go by virtual time") {
    simulate([] {
        const auto start = coir::clock::now();
        const auto since = [&] { return coir::clock::now() - start; };
        coir::timer once{10min};
        CHECK(*once.recv() == start + 10min);
        CHECK_THROWS_AS(coir::with_timeout(5min, [] { coir::sleep_for(1h); }), coir::timed_out);
        CHECK(since() == 15min);
        coir::ticker ticks{1min};
        for (int i = 1; i <= 3; ++i) CHECK(*ticks.recv() == start + 15min + i * 1min);
        const coir::chan<int> empty;
        int out = 0;
        CHECK(empty.recv_for(2min, out) == coir::channel_status::timeout);
        CHECK(since() == 20min);
        CHECK(coir::select(empty.on_recv(), coir::on_timeout(40min)) == 1);
        CHECK(since() == 60min);
        CHECK(coir::after(1h).recv().has_value());
        coir::timed_mutex held;
        held.lock();
        CHECK(!held.try_lock_for(1h));
        held.unlock();
        CHECK(since() == 3h);
    });
}

TEST_CASE("a loop that polls sees time pass") {
    simulate([] {
        const auto end = coir::clock::now() + 5ms;
        while (coir::clock::now() < end) coir::yield();
        bool fired = false;
        auto other = coir::go([&] {
            coir::sleep_for(1h);
            fired = true;
        });
        while (!fired) coir::yield();
        other.join();
    });
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

TEST_CASE("an exception that leaves the body fails the run and can be had") {
    try {
        simulate({.seed = 5}, [] { throw std::invalid_argument("mine"); });
        CHECK(false);
    } catch (const failure& failed) {
        CHECK(failed.seed() == 5);
        CHECK(contains(failed.what(), "mine"));
        CHECK(contains(failed.what(), "simulate({.seed = 0x5}"));
        CHECK_THROWS_AS(std::rethrow_exception(failed.cause()), std::invalid_argument);
    }
    static_assert(std::is_base_of_v<std::runtime_error, failure>);
}

TEST_CASE("an exception that nobody can collect fails the run") {
    const auto text = failure_of(3, [] {
        coir::go({.name = "thrower"}, [] { throw std::runtime_error("lost"); });
        coir::sleep_for(1s);
    });
    CHECK(contains(text, "unhandled exception in coroutine 2 \"thrower\": lost"));
}

TEST_CASE("an exception that somebody collects does not") {
    simulate([] {
        auto thrower = coir::go([] { throw std::runtime_error("collected"); });
        CHECK_THROWS_AS(thrower.join(), std::runtime_error);
    });
}

TEST_CASE("a deadlock fails the run and names what each waits on") {
    const auto text = failure_of(9, [] {
        const coir::chan<int> never;
        coir::mutex held;
        held.lock();
        auto locker = coir::go({.name = "locker"}, [&] { held.lock(); });
        static_cast<void>(never.recv());
    });
    CHECK(contains(text, "deadlock"));
    CHECK(contains(text, "coroutine 1 \"main\" waits on channel receive"));
    CHECK(contains(text, "coroutine 2 \"locker\" waits on mutex"));
    CHECK(contains(text, "locks mutex"));
}

TEST_CASE("after a deadlock the newest is cancelled first and the body last") {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        std::vector<int> order;
        struct leaving {
            std::vector<int>& order;
            int who;
            ~leaving() { order.push_back(who); }
        };
        CHECK_THROWS_AS(simulate({.seed = seed},
                                 [&] {
                                     const coir::chan<int> never;
                                     const leaving me{order, 0};
                                     std::vector<coir::task<void>> others;
                                     for (int i = 1; i <= 4; ++i) {
                                         others.push_back(coir::go([&order, never, i] {
                                             const leaving member{order, i};
                                             static_cast<void>(never.recv());
                                         }));
                                     }
                                     static_cast<void>(never.recv());
                                 }),
                        failure);
        CHECK(order == std::vector{4, 3, 2, 1, 0});
    }
}

TEST_CASE("destructors may wait while a failed run is cleared up") {
    bool waited = false;
    struct patient {
        bool& waited;
        ~patient() {
            coir::sleep_for(1h);
            coir::go([] {});
            waited = true;
        }
    };
    CHECK_THROWS_AS(simulate([&] {
                        const patient last{waited};
                        static_cast<void>(coir::chan<int>{}.recv());
                    }),
                    failure);
    CHECK(waited);
}

TEST_CASE("a coroutine left waiting when the body ends fails the run") {
    const leak_check leaks;
    const auto parked = failure_of(1, [] {
        const coir::chan<tracked> held;
        coir::go({.name = "forgotten"}, [held] { static_cast<void>(held.recv()); });
    });
    CHECK(contains(parked, "leak"));
    CHECK(contains(parked, "coroutine 2 \"forgotten\" waits on channel receive"));
    CHECK(contains(failure_of(1, [] { coir::go([] { coir::sleep_for(1h); }); }), "leak"));
    CHECK(contains(failure_of(1,
                              [] {
                                  coir::go([] {
                                      for (;;) coir::yield();
                                  });
                              }),
                   "leak"));
}

TEST_CASE("a coroutine that only has to end is no leak") {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        simulate({.seed = seed}, [] {
            coir::wait_group done;
            done.add(1);
            coir::go([&done] { done.done(); });
            done.wait();
            const coir::chan<int> ended;
            coir::go([ended] { CHECK(!ended.recv()); });
            ended.close();
        });
    }
}

TEST_CASE("coroutines that are still alive after an exception are cancelled") {
    const leak_check leaks;
    int unwound = 0;
    CHECK_THROWS_AS(simulate([&] {
                        for (int i = 0; i < 3; ++i) {
                            coir::go([&unwound] {
                                const tracked held;
                                try {
                                    coir::sleep_for(1h);
                                } catch (const coir::cancelled&) {
                                    ++unwound;
                                    throw;
                                }
                            });
                        }
                        coir::sleep_for(1s);
                        throw std::runtime_error("early");
                    }),
                    failure);
    CHECK(unwound == 3);
}

TEST_CASE("a run that does not end fails") {
    const auto spin = [] {
        for (;;) coir::yield();
    };
    CHECK_THROWS_AS(simulate({.seed = 1, .max_steps = 10'000}, spin), failure);
    // Not even a cancellation ends this one; it stays behind, parked for good.
    static const auto& never = *new coir::chan<int>;
    const auto stubborn = [] { coir::shield([] { static_cast<void>(never.recv()); }); };
    CHECK_THROWS_AS(simulate({.seed = 1}, stubborn), failure);
    simulate([] { coir::yield(); });
}

TEST_CASE("a failure seed of any strategy replays by simulate") {
    const auto body = [] {
        int shared = 0;
        coir::wait_group all;
        for (int i = 0; i < 3; ++i) {
            all.go([&] {
                const int seen = shared;
                coir::testing::maybe_preempt();
                shared = seen + 1;
            });
        }
        all.wait();
        if (shared != 3) throw std::runtime_error("shared = " + std::to_string(shared));
    };
    int found = 0;
    for (std::uint64_t start = 0; start < 20; ++start) {
        std::uint64_t seed = 0;
        std::string first_line;
        try {
            coir::testing::explore({.schedules = 1000, .seed = start}, body);
        } catch (const failure& failed) {
            ++found;
            seed = failed.seed();
            first_line = std::string{failed.what()}.substr(0, 60);
        }
        for (int i = 0; i < 5; ++i) {
            CHECK(failure_of(seed, body).substr(0, 60) == first_line);
        }
    }
    CHECK(found == 20);
}

TEST_CASE("timers that outlive the run do not reach into the next one") {
    static std::optional<coir::receiver<coir::clock::time_point>> pending;
    static std::optional<coir::ticker> ticking;
    static std::optional<coir::timer> waiting;
    coir::testing::explore({.schedules = 20}, [] {
        pending = coir::after(1h);
        static_cast<void>(coir::after(1h));
        ticking.emplace(1h);
        waiting.emplace(1h);
        const auto start = coir::clock::now();
        CHECK(*waiting->recv() - start == 1h);
        waiting->reset(1h);
    });
    CHECK(pending->recv().has_value()); // outside: it fired at the end
    pending.reset();
    ticking.reset();
    waiting.reset();
}

TEST_CASE("blocking runs in the caller's place") {
    const auto caller = ::gettid();
    simulate([&] { CHECK(coir::blocking([] { return ::gettid(); }) == caller); });
}

TEST_CASE("I/O with the world outside is refused") {
    simulate([] {
        auto listener = coir::tcp_listener::bind("127.0.0.1", 0);
        try {
            static_cast<void>(
                coir::tcp_stream::connect("127.0.0.1", listener.local_endpoint().port()));
            CHECK(false);
        } catch (const std::system_error& refused) {
            CHECK(refused.code() == std::errc::operation_not_supported);
        }
        const auto wait_for_peer = [&] {
            coir::select(listener.on_accept([](coir::tcp_stream) {}), coir::on_timeout(1s));
        };
        CHECK_THROWS_AS(wait_for_peer(), std::system_error);
    });
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
