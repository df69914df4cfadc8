// SPDX-License-Identifier: MIT
// Covers the dump on SIGQUIT: where asked, also while all workers hang.

#include "child_process.hpp"
#include "fixture.hpp"

#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdio>

using namespace fixture;

namespace {

[[gnu::noinline]] void spin_until(const std::atomic<bool>& stop) {
    while (!stop.load()) {}
    asm volatile("");
}

// Reads until `part` has come for the second time.
std::string read_until_second(int fd, const std::string& part) {
    std::string text;
    for (;;) {
        const std::size_t first = text.find(part);
        if (first != std::string::npos && text.find(part, first + 1) != std::string::npos) {
            return text;
        }
        std::array<char, 4'096> buffer;
        const ssize_t count = ::read(fd, buffer.data(), buffer.size());
        if (count <= 0) return text;
        text.append(buffer.data(), static_cast<std::size_t>(count));
    }
}

// Both workers hang until the dump of both has been read.
void quit_while_all_hang() {
    static std::atomic<bool> stop{false};
    static std::atomic<int> spinning{0};
    const coir::runtime_options options = with_workers(2);
    std::array<int, 2> ends{};
    REQUIRE(::pipe(ends.data()) == 0);
    const int real_error = ::dup(2);
    ::dup2(ends[1], 2);
    std::thread outside([&] {
        while (spinning < 2) std::this_thread::yield();
        ::kill(::getpid(), SIGQUIT);
        const std::string text = read_until_second(ends[0], "started in ");
        ::dup2(real_error, 2);
        std::fputs(text.c_str(), stderr);
        stop = true;
    });
    coir::run(options, [] {
        const auto spin = [] {
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

TEST_CASE("SIGQUIT ends the program as ever where no dump was asked for") {
    const outcome result = run_child("hangs with all workers");
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
