// SPDX-License-Identifier: MIT
// Covers the dump on SIGQUIT: where asked, also while all workers hang.

#include "child_process.hpp"
#include "fixture.hpp"
#include "own_errors.hpp"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <thread>

using namespace fixture;

namespace {

[[gnu::noinline]] void spin_until(const std::atomic<bool>& stop) {
    while (!stop.load()) {}
    asm volatile("");
}

// Both workers hang until the dump of both has been read.
void quit_while_all_hang() {
    std::atomic<bool> stop{false};
    std::atomic<int> spinning{0};
    own_errors errors;
    std::thread outside([&] {
        while (spinning < 2) std::this_thread::yield();
        ::kill(::getpid(), SIGQUIT);
        while (!errors.says("started in ", 2)) std::this_thread::yield();
        stop = true;
    });
    const coir::runtime_options options = with_workers(2);
    coir::run(options, [&] {
        const auto spin = [&] {
            spinning.fetch_add(1);
            spin_until(stop);
        };
        auto first = coir::go({.name = "first hog"}, spin);
        spin();
        first.join();
    });
    outside.join();
}

} // namespace

CHILD("hangs with all workers") {
    quit_while_all_hang();
    ::_exit(0);
}

#if !COIR_TSAN // which puts signals off until a call that it knows, and ours it does not
TEST_CASE("SIGQUIT dumps while every worker hangs, and the program goes on") {
    const outcome result = run_child("hangs with all workers", {"COIR_SIGQUIT=dump"});
    INFO(result.error);
    CHECK(result.status == 0);
    CHECK(result.says("coir: 2 coroutines in 1 runtime: 0 waiting, 2 running"));
    CHECK(result.says("\"first hog\": running on worker "));
    CHECK(result.says("spin_until"));
}
#endif

CHILD("is to die of SIGQUIT") {
    ::signal(SIGQUIT, SIG_DFL); // a shell starts what runs in its background with it ignored
    coir::run([] { ::kill(::getpid(), SIGQUIT); });
    ::_exit(0);
}

TEST_CASE("SIGQUIT ends the program as ever where no dump was asked for") {
    const outcome result = run_child("is to die of SIGQUIT");
    CHECK(result.signal == SIGQUIT);
}

CHILD("asks by option and puts the old disposition back") {
    ::signal(SIGQUIT, SIG_IGN);
    coir::runtime_options options = with_workers(1);
    options.dump_on_sigquit = true;
    coir::run(options, [] {});
    struct sigaction now{};
    ::sigaction(SIGQUIT, nullptr, &now);
    CHECK((now.sa_handler == SIG_IGN));
}

TEST_CASE("the old disposition returns with the end of the runtime") {
    CHECK(run_child("asks by option and puts the old disposition back").status == 0);
}
