// SPDX-License-Identifier: MIT
// Covers the environment variables: what they override, and what makes them unusable.

#include "child_process.hpp"
#include "fixture.hpp"

#include <sched.h>
#include <unistd.h>

#include <iostream>
#include <string>

using namespace fixture;

namespace {

/// How many coroutines can run at one time, found out by making them meet.
int simultaneous(int at_most) {
    std::atomic<int> inside{0};
    std::atomic<int> most{0};
    std::vector<coir::task<void>> tasks;
    for (int i = 0; i < at_most; ++i)
        tasks.push_back(coir::go([&] {
            const int now = inside.fetch_add(1) + 1;
            for (int seen = most.load(); seen < now && !most.compare_exchange_weak(seen, now);) {}
            const auto end = coir::clock::now() + 200ms;
            while (coir::clock::now() < end && most.load() < at_most) std::this_thread::yield();
            inside.fetch_sub(1);
        }));
    for (auto& task : tasks) task.join();
    return most.load();
}

void check_refused(const std::string& setting, const std::string& variable) {
    INFO(setting);
    const outcome result = run_child("runs", {setting});
    INFO(result.error);
    CHECK(result.status == 2);
    CHECK(result.says(variable));
    CHECK(!result.prints("the body ran"));
}

void check_accepted(const std::string& setting) {
    INFO(setting);
    const outcome result = run_child("runs", {setting});
    INFO(result.error);
    CHECK(result.status == 0);
    CHECK(result.prints("the body ran"));
}

} // namespace

CHILD("runs") {
    coir::run([] {
        coir::go([] {}).join();
        std::cout << "the body ran" << std::endl;
    });
}

CHILD("measures four") {
    coir::run({.workers = 4}, [] { std::cout << "workers: " << simultaneous(6) << std::endl; });
}

CHILD("measures one") {
    coir::run({.workers = 1}, [] { std::cout << "workers: " << simultaneous(6) << std::endl; });
}

TEST_CASE("COIR_WORKERS overrides the option, both ways") {
    CHECK(run_child("measures four").prints("workers: 4"));
    CHECK(run_child("measures four", {"COIR_WORKERS=1"}).prints("workers: 1"));
    CHECK(run_child("measures one").prints("workers: 1"));
    CHECK(run_child("measures one", {"COIR_WORKERS=3"}).prints("workers: 3"));
}

TEST_CASE("an empty COIR_WORKERS counts as unset, 0 as automatic") {
    CHECK(run_child("measures one", {"COIR_WORKERS="}).prints("workers: 1"));
    check_accepted("COIR_WORKERS=0");
}

CHILD("measures on one cpu") {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<std::size_t>(::sched_getcpu()), &one);
    REQUIRE(::sched_setaffinity(0, sizeof one, &one) == 0);
    coir::run([] { std::cout << "workers: " << simultaneous(3) << std::endl; });
}

TEST_CASE("automatic is the number of CPUs of the affinity mask") {
    CHECK(run_child("measures on one cpu").prints("workers: 1"));
    CHECK(run_child("measures on one cpu", {"COIR_WORKERS=0"}).prints("workers: 1"));
    CHECK(run_child("measures on one cpu", {"COIR_WORKERS=2"}).prints("workers: 2"));
}

TEST_CASE("an unusable COIR_WORKERS is an error and exit status 2") {
    for (const char* value : {"abc", "-1", "1x", "1.5", " ", "99999999999999999999"})
        check_refused(std::string("COIR_WORKERS=") + value, "COIR_WORKERS");
}

CHILD("fills 700 KiB") {
    coir::run([] {
        coir::go({.name = "filler"}, [] {
            volatile char filled[700 << 10];
            // Downwards: a stack that is too small is overrun at its guard and not beyond.
            for (std::size_t i = sizeof filled; i >= 1'024; i -= 1'024) filled[i - 1] = 1;
            std::cout << "filled " << int(filled[1'023]) << std::endl;
        }).join();
    });
}

TEST_CASE("COIR_STACK_SIZE takes bytes, K and M") {
    CHECK(run_child("fills 700 KiB").says("stack overflow in coroutine filler (512 KiB)"));
    CHECK(run_child("fills 700 KiB", {"COIR_STACK_SIZE="}).says("(512 KiB)"));
    for (const char* mebibyte : {"1M", "1024K", "1048576"}) {
        const outcome result =
            run_child("fills 700 KiB", {std::string("COIR_STACK_SIZE=") + mebibyte});
        INFO(mebibyte, ": status ", result.status, ", signal ", result.signal, "\n", result.error);
        CHECK(result.prints("filled 1"));
    }
    CHECK(run_child("fills 700 KiB", {"COIR_STACK_SIZE=128K"})
              .says("stack overflow in coroutine filler (128 KiB)"));
}

TEST_CASE("an unusable COIR_STACK_SIZE is an error and exit status 2") {
    for (const char* value : {"big", "-5", "12Q", "K", "1MB x", "99999999999999999999"})
        check_refused(std::string("COIR_STACK_SIZE=") + value, "COIR_STACK_SIZE");
}

TEST_CASE("COIR_IO chooses the backend, and an unknown one is an error") {
    check_accepted("COIR_IO=automatic");
    check_accepted("COIR_IO=");
    check_refused("COIR_IO=kqueue", "COIR_IO");
    check_refused("COIR_IO=URING", "COIR_IO");
}

TEST_CASE("COIR_DEADLOCK takes its four words, and an unknown one is an error") {
    for (const char* value : {"exit", "abort", "report", "off", ""})
        check_accepted(std::string("COIR_DEADLOCK=") + value);
    check_refused("COIR_DEADLOCK=maybe", "COIR_DEADLOCK");
}

TEST_CASE("COIR_CHECK takes its two words, and an unknown one is an error") {
    for (const char* value : {"locks", "off", ""})
        check_accepted(std::string("COIR_CHECK=") + value);
    check_refused("COIR_CHECK=lock", "COIR_CHECK");
    check_refused("COIR_CHECK=locks,off", "COIR_CHECK");
}

TEST_CASE("COIR_BUSY_LIMIT takes milliseconds up to a day, and anything else is an error") {
    for (const char* value : {"0", "20", "86400000", ""})
        check_accepted(std::string("COIR_BUSY_LIMIT=") + value);
    for (const char* value : {"86400001", "-1", "soon", "10ms"})
        check_refused(std::string("COIR_BUSY_LIMIT=") + value, "COIR_BUSY_LIMIT");
}

TEST_CASE("a trace file that cannot be opened is an error and exit status 2") {
    check_refused("COIR_TRACE=/nonexistent/folder/trace.json", "COIR_TRACE");
    check_accepted("COIR_TRACE=");
}

CHILD("runtime object runs") {
    const coir::runtime rt{{.workers = 1}};
    std::cout << "the body ran" << std::endl;
}

TEST_CASE("the variables hold for runtime objects, too") {
    const outcome refused = run_child("runtime object runs", {"COIR_WORKERS=abc"});
    CHECK(refused.status == 2);
    CHECK(!refused.prints("the body ran"));
    CHECK(run_child("runtime object runs").prints("the body ran"));
}
