// SPDX-License-Identifier: MIT
// Covers the report of coroutines that are deadlocked while others go on: whom it names, and when
// it is refused.

#include "child_process.hpp"
#include "finding.hpp"

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

using namespace fixture;

namespace {

// The search may miss one whom an old pointer seems to reach. In a build that counts lines that
// happens to each select.
#if defined(__LLVM_INSTR_PROFILE_GENERATE)
constexpr bool misses_selects = true;
#else
constexpr bool misses_selects = false;
#endif

// Each runs on a stack of its own, of which nothing is left when somebody looks.

void forget_a_receiver() {
    const coir::chan<int> never;
    coir::go({.name = "forgotten"}, [never] { std::ignore = never.recv(); });
}

void forget_a_sender() {
    const coir::chan<int> never;
    coir::go({.name = "forgotten"}, [never] { std::ignore = never.send(1); });
}

// Both hold both ends, as happens where channels are passed along whole.
void wait_crosswise() {
    const coir::chan<int> a;
    const coir::chan<int> b;
    coir::go({.name = "one"}, [a, b] {
        std::ignore = a.recv();
        std::ignore = b.send(1);
    });
    coir::go({.name = "two"}, [a, b] {
        std::ignore = b.recv();
        std::ignore = a.send(1);
    });
}

void select_for_nothing() {
    const coir::chan<int> a;
    const coir::chan<int> b;
    coir::go({.name = "selector"}, [a, b] {
        coir::select(a.on_recv([](std::optional<int>) {}), b.on_send(1, [](bool) {}));
    });
}

coir::mutex first_lock;
coir::mutex second_lock;

void lock_in_both_orders() {
    static coir::latch both_have_one{3};
    const auto lock_both = [](coir::mutex& here, coir::mutex& there) {
        const std::lock_guard one{here};
        both_have_one.arrive_and_wait();
        const std::lock_guard other{there};
    };
    coir::go({.name = "one"}, [=] { lock_both(first_lock, second_lock); });
    coir::go({.name = "two"}, [=] { lock_both(second_lock, first_lock); });
    coir::go({.name = "three"}, [] {
        both_have_one.arrive_and_wait();
        const std::lock_guard waits_for_them{first_lock};
    });
}

void join_the_stuck() {
    coir::go({.name = "parent"}, [] {
        const coir::chan<int> never;
        join_until_cancelled(coir::go({.name = "child"}, [&never] { std::ignore = never.recv(); }));
    });
    coir::go({.name = "group owner"}, [] {
        coir::task_group group;
        coir::wait_group done;
        done.add(1);
        group.go({.name = "member"}, [&done] { done.wait(); });
        group.wait();
    });
}

// In a process of its own, whose heap has no past: old pointers in freed memory hide some.
void show(void (*begin)(), std::size_t expected) {
    coir::run([&] {
        coir::go({.name = "lively"}, [] {
            for (;;) coir::sleep_for(1ms);
        });
        coir::go(begin).join(); // on a stack of its own: on ours it would leave old pointers behind
        finding found;
        // Until they have got to where they wait, on a busy machine too.
        for (int i = 0; i < 2'000 && found.count < expected; ++i) {
            coir::sleep_for(5ms);
            found = find_deadlocked();
        }
        std::printf("%zu\n%s", found.count, found.text.c_str());
        std::fflush(stdout);
        ::_exit(0);
    });
}

} // namespace

CHILD("forgets a receiver") { show(forget_a_receiver, 1); }
CHILD("forgets a sender") { show(forget_a_sender, 1); }
CHILD("waits crosswise") { show(wait_crosswise, 2); }
CHILD("selects for nothing") { show(select_for_nothing, 1); }
CHILD("locks in both orders") { show(lock_in_both_orders, 3); }
CHILD("joins the stuck") { show(join_the_stuck, 4); }

TEST_CASE("coroutines that nobody else can wake are found while others go on" *
          doctest::skip(has_hidden_memory)) {
    struct scenario {
        const char* child;
        std::vector<std::string> names;
    };
    const std::vector<scenario> scenarios{
        {"forgets a receiver", {"forgotten"}},
        {"forgets a sender", {"forgotten"}},
        {"waits crosswise", {"one", "two"}},
        {"selects for nothing", {"selector"}},
        {"locks in both orders", {"one", "two", "three"}},
        {"joins the stuck", {"parent", "child", "group owner", "member"}},
    };
    for (const int workers : worker_counts) {
        for (const scenario& one : scenarios) {
            if (misses_selects && std::string_view{one.child} == "selects for nothing") continue;
            const outcome result =
                run_child(one.child, {"COIR_WORKERS=" + std::to_string(workers)});
            CAPTURE(workers);
            CAPTURE(std::string{one.child});
            CAPTURE(result.out);
            CHECK(result.prints("partial_deadlock_test.cpp:")); // where they wait
            CHECK(result.prints("\n" + std::to_string(one.names.size()) + "\n"));
            for (const std::string& name : one.names) CHECK(result.prints('"' + name + '"'));
            CHECK(!result.prints("lively"));
        }
    }
}

TEST_CASE("what cannot be told is refused") {
    std::ostringstream out;
    if (has_hidden_memory) {
        CHECK_THROWS_AS(coir::dump_deadlocked(out), std::runtime_error);
        return;
    }
    // A thread that does not let itself be halted.
    std::atomic<bool> stop{false};
    std::atomic<bool> deaf{false};
    std::thread thread{[&] {
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
        deaf = true;
        while (!stop) std::this_thread::yield();
    }};
    while (!deaf) std::this_thread::yield();
    CHECK_THROWS_WITH_AS(coir::dump_deadlocked(out),
                         "coir::dump_deadlocked: a thread does not halt; does it block SIGURG?",
                         std::runtime_error);
    stop = true;
    thread.join();
    CHECK(out.str().empty());
    CHECK(coir::dump_deadlocked(out) == 0);
}
