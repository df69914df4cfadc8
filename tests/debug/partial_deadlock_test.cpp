// SPDX-License-Identifier: MIT
// Covers the report of coroutines that are deadlocked while others go on.

#include "child_process.hpp"
#include "fixture.hpp"

#include <coir/detail/config.hpp>

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace fixture;

namespace {

// They cannot be looked into: that is refused, which has a test of its own.
constexpr bool sanitized = COIR_ASAN != 0 || COIR_TSAN != 0;

struct finding {
    std::size_t count = 0;
    std::string text;
};

finding deadlocked() {
    std::ostringstream out;
    finding found;
    found.count = coir::dump_deadlocked(out);
    found.text = out.str();
    return found;
}

// Until all that were started have got to where they wait.
void settle() {
    for (int i = 0; i < 100; ++i) coir::yield();
    coir::sleep_for(2ms);
}

// In frames of their own, of which nothing is left when somebody looks.

COIR_NOINLINE void forget_a_receiver() {
    const coir::chan<int> never;
    coir::go({.name = "forgotten"}, [never] { std::ignore = never.recv(); });
}

COIR_NOINLINE void forget_a_sender() {
    const coir::chan<int> never;
    coir::go({.name = "forgotten"}, [never] { std::ignore = never.send(1); });
}

// Both hold both ends, as happens where channels are passed along whole.
COIR_NOINLINE void wait_crosswise() {
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

COIR_NOINLINE void select_for_nothing() {
    const coir::chan<int> a;
    const coir::chan<int> b;
    coir::go({.name = "selector"}, [a, b] {
        coir::select(a.on_recv([](std::optional<int>) {}), b.on_send(1, [](bool) {}));
    });
}

coir::mutex first_lock;
coir::mutex second_lock;

COIR_NOINLINE void lock_in_both_orders() {
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

void join_until_cancelled(coir::task<void> task) {
    try {
        task.join();
    } catch (const coir::task_cancelled&) {} // at the end of run
}

COIR_NOINLINE void join_the_stuck() {
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
        begin();
        finding found;
        // Until they have got to where they wait, on a busy machine too.
        for (int i = 0; i < 2'000 && found.count < expected; ++i) {
            coir::sleep_for(5ms);
            found = deadlocked();
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
          doctest::skip(sanitized)) {
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

namespace {

coir::chan<int> known_to_all{nullptr};

struct service {
    coir::chan<int> orders;
};

// Each begins something that waits and can be woken, by a way that is not to be overlooked; the
// result is kept while somebody looks.
using keepsake = std::shared_ptr<void>;

keepsake keep_in_a_closure() {
    const coir::chan<int> ch;
    coir::go([ch] { std::ignore = ch.recv(); });
    coir::go([ch] {
        coir::sleep_for(1h);
        std::ignore = ch.send(1);
    });
    return {};
}

// The handle lies on a stack that waits itself; somebody alive has a reference.
keepsake keep_by_reference() {
    coir::go([] {
        const coir::chan<int> ch;
        coir::task_group group;
        group.go([&] { std::ignore = ch.recv(); });
        group.go([&] {
            coir::sleep_for(1h);
            std::ignore = ch.send(1);
        });
        group.wait();
    });
    return {};
}

keepsake keep_on_the_heap() {
    auto shared = std::make_shared<service>();
    coir::go([orders = coir::receiver(shared->orders)] { std::ignore = orders.recv(); });
    return shared;
}

keepsake keep_in_a_global() {
    known_to_all = coir::chan<int>();
    coir::go([] { std::ignore = known_to_all.recv(); });
    return {};
}

// On its way: it lies in a buffer until somebody takes it.
keepsake keep_in_a_buffer() {
    const coir::chan<coir::chan<int>> post(1);
    const coir::chan<int> ch;
    CHECK(post.send(ch));
    coir::go([ch] { std::ignore = ch.recv(); });
    return std::make_shared<coir::chan<coir::chan<int>>>(post);
}

// The result of a task that has ended and was not joined.
keepsake keep_in_a_result() {
    auto task = std::make_shared<coir::task<coir::chan<int>>>(coir::go([] {
        const coir::chan<int> ch;
        coir::go([ch] { std::ignore = ch.recv(); });
        return ch;
    }));
    return task;
}

keepsake limit_the_time() {
    coir::go([] {
        const coir::chan<int> never;
        coir::with_timeout(1h, [&] { std::ignore = never.recv(); });
    });
    coir::go([] {
        const coir::chan<int> never;
        int value = 0;
        std::ignore = never.recv_for(1h, value);
    });
    return {};
}

keepsake wait_for_time() {
    coir::go([] { std::ignore = coir::after(1h).recv(); });
    coir::go([] {
        coir::ticker every(1h);
        std::ignore = every.channel().recv();
    });
    return {};
}

keepsake wait_for_a_sleeper() {
    coir::go([] { join_until_cancelled(coir::go([] { coir::sleep_for(1h); })); });
    coir::go([] {
        coir::mutex lock;
        coir::condition_variable change;
        coir::task_group group;
        group.go([&] {
            const std::lock_guard held{lock};
            coir::sleep_for(1h);
            change.notify_all();
        });
        group.go([&] {
            std::unique_lock held{lock};
            change.wait(held);
        });
        group.wait();
    });
    return {};
}

keepsake wait_for_ever_on_purpose() {
    coir::go([] { coir::select(); });
    return {};
}

// By a thread that sleeps in the kernel, with nothing but registers and its own stack.
keepsake wait_for_a_thread() {
    struct sleeper {
        int ends[2]{};
        std::thread thread;
        ~sleeper() {
            ::close(ends[1]);
            thread.join();
            ::close(ends[0]);
        }
    };
    auto kept = std::make_shared<sleeper>();
    REQUIRE(::pipe(kept->ends) == 0);
    coir::chan<int> ch;
    coir::go([ch] { std::ignore = ch.recv(); });
    kept->thread = std::thread{[mine = std::move(ch), end = kept->ends[0]] {
        char byte = 0;
        while (::read(end, &byte, 1) < 0) {}
        mine.close();
    }};
    return kept;
}

} // namespace

TEST_CASE("who can still be woken is not named" * doctest::skip(sanitized)) {
    const std::vector<keepsake (*)()> begins{
        keep_in_a_closure,  keep_by_reference, keep_on_the_heap,         keep_in_a_global,
        keep_in_a_buffer,   keep_in_a_result,  limit_the_time,           wait_for_time,
        wait_for_a_sleeper, wait_for_a_thread, wait_for_ever_on_purpose,
    };
    for (const int workers : worker_counts) {
        for (const auto begin : begins) {
            coir::run(with_workers(workers), [&] {
                const keepsake kept = begin();
                settle();
                const finding found = deadlocked();
                CHECK(found.count == 0);
                CHECK(found.text.empty());
                if (found.count != 0) MESSAGE(found.text);
                known_to_all = nullptr;
            });
        }
    }
}

// Handles are on the move through channels, registers and frames at every moment at which the
// threads are halted.
TEST_CASE("nobody is named while channels are passed around at full speed" *
          doctest::skip(sanitized)) {
    for (const int workers : worker_counts) {
        coir::run(with_workers(workers), [&] {
            std::atomic<bool> stop{false};
            coir::task_group group;
            const coir::chan<coir::sender<int>> requests;
            for (int i = 0; i < 4; ++i) {
                group.go([&stop, requests] {
                    while (!stop) {
                        const coir::chan<int> reply;
                        if (!requests.send(coir::sender(reply))) break;
                        std::ignore = reply.recv();
                    }
                });
                group.go([requests] {
                    for (const coir::sender<int>& reply : requests) {
                        coir::go([reply] { std::ignore = reply.send(1); });
                    }
                });
            }
            for (int i = 0; i < scaled(100); ++i) {
                const finding found = deadlocked();
                CHECK(found.count == 0);
                if (found.count != 0) MESSAGE(found.text);
                coir::yield();
            }
            stop = true;
            coir::sleep_for(1ms);
            requests.close();
            group.wait();
        });
    }
}

TEST_CASE("many that wait for somebody alive are gone through quickly" * doctest::skip(sanitized)) {
    coir::run(with_workers(2), [] {
        const coir::chan<int> ch;
        for (int i = 0; i < scaled(100'000); ++i) coir::go([ch] { std::ignore = ch.recv(); });
        settle();
        const auto begin = std::chrono::steady_clock::now();
        CHECK(deadlocked().count == 0);
        CHECK(std::chrono::steady_clock::now() - begin < 2s);
        ch.close();
    });
}

TEST_CASE("what cannot be told is refused") {
    std::ostringstream out;
    if (sanitized) {
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
