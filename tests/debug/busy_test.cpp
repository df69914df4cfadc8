// SPDX-License-Identifier: MIT
// Covers the report of coroutines that hold a worker longer than allowed.

#include "child_process.hpp"
#include "fixture.hpp"
#include "own_errors.hpp"

#include <unistd.h>

#include <chrono>

using namespace fixture;

namespace {

[[gnu::noinline]] void compute_for(std::chrono::milliseconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    while (std::chrono::steady_clock::now() < end) {}
    asm volatile("");
}

[[gnu::noinline]] void compute_until_said(own_errors& errors, const char* part) {
    while (!errors.says(part)) {}
    asm volatile("");
}

} // namespace

CHILD("computes") {
    {
        own_errors errors;
        coir::run([&] {
            const auto hog = [&] {
                compute_until_said(errors, "\"hog\" has held worker ");
                compute_for(100ms); // it would be time to name it a second time
            };
            coir::go({.name = "hog"}, hog).join();
            const auto second = [&] { compute_until_said(errors, "\"second hog\" has held "); };
            coir::go({.name = "second hog"}, second).join();
        });
    }
    ::_exit(0);
}

TEST_CASE("a coroutine that holds a worker too long is named once, with the function it is in") {
    for (const char* workers : {"COIR_WORKERS=1", "COIR_WORKERS=2"}) {
        const outcome result = run_child("computes", {workers, "COIR_BUSY_LIMIT=20"});
        INFO(result.error);
        CHECK(result.status == 0);
        CHECK(result.says(" \"hog\" has held worker "));
        CHECK(result.says(" \"second hog\" has held worker "));
        CHECK(result.says("for more than 0.020 s"));
#if !COIR_TSAN // which puts signals off to the next system call
        CHECK(result.says("compute_until_said"));
        CHECK(result.says("busy_test.cpp:"));
#endif
        const std::size_t first = result.error.find("\"hog\" has held");
        CHECK(result.error.find("\"hog\" has held", first + 1) == std::string::npos);
    }
}

CHILD("computes for a while") {
    coir::run([] { compute_for(300ms); });
    ::_exit(0);
}

TEST_CASE("a limit that is not reached, and none, say nothing") {
    CHECK(run_child("computes for a while", {"COIR_BUSY_LIMIT=60000"}).error.empty());
    CHECK(run_child("computes for a while", {"COIR_BUSY_LIMIT=0"}).error.empty());
}

CHILD("waits politely") {
    coir::run([] {
        auto yielder = coir::go([] {
            const auto end = std::chrono::steady_clock::now() + 1s;
            while (std::chrono::steady_clock::now() < end) coir::yield();
        });
        coir::sleep_for(1s);
        yielder.join();
    });
    ::_exit(0);
}

TEST_CASE("who yields and who waits holds no worker") {
    for (const char* workers : {"COIR_WORKERS=1", "COIR_WORKERS=2"}) {
        const outcome result = run_child("waits politely", {workers, "COIR_BUSY_LIMIT=500"});
        INFO(result.error);
        CHECK(!result.says("has held"));
    }
}
