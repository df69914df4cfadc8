// SPDX-License-Identifier: MIT
// Covers the deadlock report: when it comes, when it must not, and what it says.

#include "child_process.hpp"
#include "fixture.hpp"

#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

using namespace fixture;

namespace {

void lock_up() {
    const coir::chan<int> ch;
    coir::go({.name = "collector"}, [ch] { static_cast<void>(ch.recv()); });
    coir::go({.name = "feeder"}, [] {
        const coir::chan<int> other;
        static_cast<void>(other.send(1));
    });
    coir::go({.name = "chooser"}, [] { coir::select(); });
    const coir::chan<int> own;
    static_cast<void>(own.recv());
}

void check_report(const outcome& result) {
    CHECK(result.says("deadlock"));
    CHECK(result.says("collector"));
    CHECK(result.says("feeder"));
    CHECK(result.says("chooser"));
    CHECK(result.says("receive"));
    CHECK(result.says("send"));
    CHECK(result.says("select"));
}

const std::vector<std::vector<std::string>> every_size{
    {"COIR_WORKERS=1"}, {"COIR_WORKERS=2"}, {"COIR_WORKERS=4"}};

} // namespace

CHILD("locked up") {
    coir::run(lock_up);
    ::_exit(0);
}

TEST_CASE("a deadlock is reported with every parked coroutine, and the exit status is 2") {
    for (const auto& environment : every_size) {
        const outcome result = run_child("locked up", environment);
        INFO(result.error);
        CHECK(result.status == 2);
        check_report(result);
    }
}

TEST_CASE("a trace that was asked for is whole when a deadlock ends the program") {
    char path[] = "/tmp/coir-deadlock-XXXXXX";
    const int fd = ::mkstemp(path);
    REQUIRE(fd >= 0);
    ::close(fd);
    for (const char* action : {"exit", "abort"}) {
        run_child("locked up",
                  {std::string("COIR_TRACE=") + path, std::string("COIR_DEADLOCK=") + action});
        std::ifstream file{path};
        const std::string trace{std::istreambuf_iterator<char>{file}, {}};
        CHECK(trace.starts_with("["));
        CHECK(trace.ends_with("]\n"));
        for (const char* name : {"collector", "feeder", "chooser"})
            CHECK(trace.find(name) != std::string::npos);
    }
    ::unlink(path);
}

TEST_CASE("COIR_DEADLOCK=abort aborts after the report") {
    const outcome result = run_child("locked up", {"COIR_DEADLOCK=abort"});
    CHECK(result.signal == SIGABRT);
    check_report(result);
}

CHILD("locked up with an alarm") {
    // The default action of SIGALRM ends the process: it is still waiting then. The report takes
    // most of a second under ThreadSanitizer.
    ::signal(SIGALRM, SIG_DFL);
    ::alarm(5);
    coir::run(lock_up);
    ::_exit(0);
}

TEST_CASE("COIR_DEADLOCK=report reports and goes on waiting") {
    const outcome result = run_child("locked up with an alarm", {"COIR_DEADLOCK=report"});
    CHECK(result.signal == SIGALRM);
    check_report(result);
}

TEST_CASE("COIR_DEADLOCK=off says nothing") {
    const outcome result = run_child("locked up with an alarm", {"COIR_DEADLOCK=off"});
    CHECK(result.signal == SIGALRM);
    CHECK(!result.says("deadlock"));
}

CHILD("locked up late") {
    coir::run([] {
        coir::sleep_for(20ms);
        coir::go([] { coir::sleep_for(20ms); }).join();
        lock_up();
    });
    ::_exit(0);
}

TEST_CASE("a deadlock that comes after timers have run out is found") {
    for (const auto& environment : every_size)
        CHECK(run_child("locked up late", environment).status == 2);
}

CHILD("cycle") {
    coir::run([] {
        const coir::chan<int> a;
        const coir::chan<int> b;
        auto first = coir::go({.name = "first"}, [=] { static_cast<void>(a.recv() && b.send(1)); });
        auto second =
            coir::go({.name = "second"}, [=] { static_cast<void>(b.recv() && a.send(1)); });
        first.join();
        second.join();
    });
    ::_exit(0);
}

TEST_CASE("a cycle of coroutines that wait for each other is a deadlock, joins included") {
    for (const auto& environment : every_size) {
        const outcome result = run_child("cycle", environment);
        CHECK(result.status == 2);
        CHECK(result.says("first"));
        CHECK(result.says("second"));
        CHECK(result.says("join"));
    }
}

CHILD("parked thread") {
    const coir::chan<int> ch;
    // A live thread, but parked in a coir operation: it cannot help.
    std::thread thread([ch] { static_cast<void>(ch.recv()); });
    coir::run([] { coir::select(); });
    thread.join();
    ::_exit(0);
}

TEST_CASE("an outside thread that is itself parked in a coir operation prevents no deadlock") {
    for (const auto& environment : every_size)
        CHECK(run_child("parked thread", environment).status == 2);
}

// What follows ends by itself: none of it is a deadlock, however parked everything looks.

CHILD("not deadlocks") {
    for (const int workers : worker_counts) {
        // A live timer, in every form.
        coir::run(with_workers(workers), [] {
            coir::sleep_for(30ms);
            CHECK(coir::after(30ms).recv().has_value());
            CHECK(coir::select(coir::on_timeout(30ms)) == 0);
            coir::ticker ticker(30ms);
            CHECK(ticker.recv().has_value());
        });
        // A live thread outside coir.
        {
            const coir::chan<int> ch;
            std::thread thread([ch] {
                std::this_thread::sleep_for(100ms);
                CHECK(ch.send(1));
            });
            coir::run(with_workers(workers), [ch] { CHECK(ch.recv() == 1); });
            thread.join();
        }
        // A blocking call under way.
        coir::run(with_workers(workers), [] {
            const coir::chan<int> ch;
            coir::go([ch] {
                CHECK(ch.send(coir::blocking([] {
                    std::this_thread::sleep_for(100ms);
                    return 1;
                })));
            });
            CHECK(ch.recv() == 1);
        });
    }
}

TEST_CASE("a live timer, an outside thread and a blocking call are no deadlock") {
    const outcome result = run_child("not deadlocks");
    INFO(result.error);
    INFO(result.out);
    CHECK(result.status == 0);
    CHECK(!result.says("deadlock"));
}

CHILD("runtime object") {
    const coir::chan<int> ch;
    coir::runtime rt{{.workers = 2}};
    auto t = rt.go([ch] { return ch.recv().value(); });
    std::this_thread::sleep_for(100ms);
    CHECK(ch.send(5));
    CHECK(t.join() == 5);
}

TEST_CASE("a runtime object outside run is no deadlock: somebody may still come") {
    const outcome result = run_child("runtime object");
    CHECK(result.status == 0);
    CHECK(!result.says("deadlock"));
}

CHILD("locked up beside a socket that an earlier select waited for") {
    coir::run([] {
        const auto listener = coir::tcp_listener::bind("127.0.0.1", 0);
        const auto drop = [](coir::tcp_stream) {};
        coir::select(listener.on_accept(drop), coir::on_timeout(1ms));
        lock_up();
    });
    ::_exit(0);
}

CHILD("waiting for a socket alone") {
    coir::run([] {
        const auto listener = coir::tcp_listener::bind("127.0.0.1", 0);
        const coir::chan<int> never;
        std::signal(SIGALRM, [](int) { ::_exit(7); });
        ::alarm(1);
        coir::select(listener.on_accept([](coir::tcp_stream) {}), never.on_recv());
    });
}

TEST_CASE(
    "a socket that nobody waits for any more hides no deadlock, one that is waited for does") {
    for (const auto& environment : every_size) {
        check_report(
            run_child("locked up beside a socket that an earlier select waited for", environment));
        CHECK(run_child("waiting for a socket alone", environment).status == 7);
    }
}
