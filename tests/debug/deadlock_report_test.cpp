// SPDX-License-Identifier: MIT
// Covers what the deadlock report says of a dozen programs that hang, Go's classics among them: it
// names the line that hangs, what is waited on, and where the coroutine was started.

#include "child_process.hpp"
#include "fixture.hpp"

#include <unistd.h>

#include <cstdio>
#include <mutex>
#include <shared_mutex>
#include <source_location>

using namespace fixture;

namespace {

// Tells the test which line the report has to name.
void next_line_hangs(std::source_location here = std::source_location::current()) {
    std::printf("guilty %u.\n", static_cast<unsigned>(here.line()) + 1);
}
void next_line_starts(std::source_location here = std::source_location::current()) {
    std::printf("start %u.\n", static_cast<unsigned>(here.line()) + 1);
}

// "deadlock_report_test.cpp:LINE" for each line that the child has announced with that word.
std::vector<std::string> announced(const outcome& result, const std::string& word) {
    std::vector<std::string> places;
    for (std::size_t at = 0; (at = result.out.find(word, at)) != std::string::npos;) {
        at += word.size() + 1;
        const std::size_t end = result.out.find('.', at);
        places.push_back("deadlock_report_test.cpp:" + result.out.substr(at, end - at) + "\n");
    }
    return places;
}

void check_hang(const std::string& name, const std::string& wait) {
    for (const char* workers : {"COIR_WORKERS=1", "COIR_WORKERS=2", "COIR_WORKERS=4"}) {
        const outcome result = run_child(name, {workers});
        INFO(name, ", ", workers, "\n", result.error);
        CHECK(result.status == 2);
        CHECK(result.says("coir: deadlock: "));
        CHECK(result.says("waits on " + wait));
        const auto guilty = announced(result, "guilty");
        CHECK(!guilty.empty());
        for (const std::string& place : guilty) CHECK(result.says(place));
        for (const std::string& place : announced(result, "start")) CHECK(result.says(place));
    }
}

} // namespace

CHILD("forgotten receiver") {
    coir::run([] {
        const coir::chan<int> results;
        next_line_starts();
        coir::go({.name = "producer"}, [results] {
            next_line_hangs();
            CHECK(results.send(1));
        });
        coir::select();
    });
}

TEST_CASE("a sender whose receiver was forgotten") {
    check_hang("forgotten receiver", "channel send");
    CHECK(run_child("forgotten receiver").says("\"producer\""));
    CHECK(run_child("forgotten receiver").says("(rendezvous)"));
}

CHILD("forgotten close") {
    coir::run([] {
        const coir::chan<int> numbers(4);
        auto printer = coir::go([numbers] {
            next_line_hangs();
            for (const int n : numbers) CHECK(n == 1);
        });
        CHECK(numbers.send(1));
        next_line_hangs();
        printer.join();
    });
}

TEST_CASE("a receiver whose channel is never closed, and its joiner") {
    check_hang("forgotten close", "channel receive");
    CHECK(run_child("forgotten close").says("(capacity 4)"));
    CHECK(run_child("forgotten close").says("waits on join of coroutine 2"));
}

CHILD("double lock") {
    coir::run([] {
        coir::mutex m;
        m.lock();
        next_line_hangs();
        m.lock();
    });
}

TEST_CASE("a mutex that is locked twice names its holder") {
    check_hang("double lock", "mutex");
    CHECK(run_child("double lock").says("which it has locked itself"));
}

CHILD("lock order") {
    coir::run([] {
        coir::mutex left;
        coir::mutex right;
        coir::barrier both(2);
        auto first = coir::go({.name = "first"}, [&] {
            const std::scoped_lock a{left};
            both.arrive_and_wait();
            next_line_hangs();
            const std::scoped_lock b{right};
        });
        auto second = coir::go({.name = "second"}, [&] {
            const std::scoped_lock b{right};
            both.arrive_and_wait();
            next_line_hangs();
            const std::scoped_lock a{left};
            first.request_stop(); // so that the two are different code
        });
        second.join();
    });
}

TEST_CASE("a lock order inversion is named as a cycle") {
    check_hang("lock order", "mutex");
    const outcome result = run_child("lock order");
    CHECK(result.says(", locked by coroutine 2 \"first\""));
    CHECK(result.says(", locked by coroutine 3 \"second\""));
    CHECK(result.says("a cycle: coroutine 2 \"first\" -> coroutine 3 \"second\" -> "
                      "coroutine 2 \"first\""));
}

CHILD("wait group never done") {
    coir::run([] {
        coir::wait_group all;
        all.add(2);
        coir::go([&all] { all.done(); });
        next_line_hangs();
        all.wait();
    });
}

TEST_CASE("a wait_group that is never done") { check_hang("wait group never done", "wait_group"); }

CHILD("select with nobody left") {
    coir::run([] {
        const coir::chan<int> numbers;
        const coir::chan<int> quit;
        std::optional<int> n;
        next_line_hangs();
        coir::select(numbers.on_recv(n), quit.on_send(1, [](bool) {}));
    });
}

TEST_CASE("a select with nobody left names its channels") {
    check_hang("select with nobody left", "select of 2: receive 0x");
    CHECK(run_child("select with nobody left").says("(rendezvous), send 0x"));
}

CHILD("consumer died") {
    coir::run([] {
        // A chan handle keeps both ends alive, so the producer does not learn of the death.
        const coir::chan<int> jobs(1);
        auto consumer = coir::go([jobs] { static_cast<void>(jobs.recv()); });
        for (int i = 0; i < 5; ++i) {
            next_line_hangs();
            if (!jobs.send(i)) return;
        }
        consumer.join();
    });
}

TEST_CASE("a producer after its consumer died") { check_hang("consumer died", "channel send"); }

CHILD("condition never true") {
    coir::run([] {
        coir::mutex m;
        coir::condition_variable changed;
        std::unique_lock lock{m};
        next_line_hangs();
        changed.wait(lock);
    });
}

TEST_CASE("a condition that nobody notifies") {
    check_hang("condition never true", "condition variable");
}

CHILD("too few arrive") {
    coir::run([] {
        coir::barrier all(3);
        coir::latch begun(1);
        coir::go([&] {
            begun.count_down();
            next_line_hangs();
            all.arrive_and_wait();
        });
        begun.wait();
        next_line_hangs();
        all.arrive_and_wait();
    });
}

TEST_CASE("a barrier that too few arrive at") { check_hang("too few arrive", "barrier"); }

CHILD("permit never returned") {
    coir::run([] {
        coir::counting_semaphore permits(1);
        permits.acquire();
        next_line_hangs();
        permits.acquire();
    });
}

TEST_CASE("a semaphore whose permit is not returned") {
    check_hang("permit never returned", "semaphore");
}

CHILD("group waits for a member that waits") {
    coir::run([] {
        const coir::chan<int> never;
        coir::task_group group;
        next_line_starts();
        group.go({.name = "member"}, [&never] {
            next_line_hangs();
            static_cast<void>(never.recv());
        });
        next_line_hangs();
        group.wait();
    });
}

TEST_CASE("a group whose member waits for ever") {
    check_hang("group waits for a member that waits", "task group");
}

CHILD("a timer that never comes") {
    coir::run([] {
        coir::timer alarm(1h);
        const auto ring = alarm.channel();
        CHECK(alarm.stop());
        next_line_hangs();
        static_cast<void>(ring.recv());
    });
}

TEST_CASE("a timer that was stopped never comes") {
    check_hang("a timer that never comes", "channel receive");
}

CHILD("readers of a shared_mutex") {
    coir::run([] {
        coir::shared_mutex m;
        const std::shared_lock reading{m};
        next_line_hangs();
        m.lock(); // an upgrade, which waits for its own reader
    });
}

TEST_CASE("a reader that wants to write waits for itself") {
    check_hang("readers of a shared_mutex", "shared_mutex");
}

CHILD("a call_once within itself") {
    coir::run([] {
        coir::once_flag once;
        coir::call_once(once, [&once] {
            next_line_hangs();
            coir::call_once(once, [] {});
        });
    });
}

TEST_CASE("a call_once within itself") { check_hang("a call_once within itself", "call_once"); }

CHILD("joins in a circle") {
    coir::run([] {
        coir::task<void> first;
        coir::task<void> second;
        coir::latch both_known(1);
        first = coir::go({.name = "first"}, [&] {
            both_known.wait();
            next_line_hangs();
            second.join();
        });
        second = coir::go({.name = "second"}, [&] {
            both_known.wait();
            next_line_hangs();
            first.join();
        });
        both_known.count_down();
        coir::select();
    });
}

TEST_CASE("tasks that join each other are named as a cycle") {
    check_hang("joins in a circle", "join of coroutine 3");
    const outcome result = run_child("joins in a circle");
    INFO(result.error);
    CHECK(result.says("a cycle: coroutine 2 \"first\" -> coroutine 3 \"second\" -> "));
}

CHILD("many alike") {
    coir::run([] {
        const coir::chan<int> never;
        for (int i = 0; i < 1000; ++i) coir::go([never] { static_cast<void>(never.recv()); });
        coir::select();
    });
}

TEST_CASE("those that hang alike share a paragraph") {
    const outcome result = run_child("many alike");
    INFO(result.error);
    CHECK(result.status == 2);
    CHECK(result.says("1000 coroutines, 2, 3,"));
    CHECK(result.says("1001 coroutines are parked"));
    CHECK(result.error.size() < 4000);
}
