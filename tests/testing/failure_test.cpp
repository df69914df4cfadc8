// SPDX-License-Identifier: MIT
// Covers what makes a simulated run fail, what is said of it, and what becomes of it then.

#include "fixture.hpp"

#include <coir/testing.hpp>

#include <stdexcept>
#include <string>
#include <vector>

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

} // namespace

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
