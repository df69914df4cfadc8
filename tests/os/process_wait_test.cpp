// SPDX-License-Identifier: MIT
// Covers the end of children: waiting, killing, selecting, dropping.

#include "io_fixture.hpp"

#include <csignal>
#include <fstream>

using namespace fixture;
using coir::process;
using coir::stdio;

namespace {

/// The children of this process that have ended and were not reaped.
int zombies() {
    return std::atoi(
        shell("ps -o stat= --ppid " + std::to_string(::getpid()) + " | grep -c Z").c_str());
}

bool exists(pid_t pid) { return ::kill(pid, 0) == 0; }

} // namespace

TEST_CASE("wait tells how a child ended, again and to everybody") {
    for_each_io([] {
        auto seven = process::spawn({"sh", "-c", "exit 7"});
        CHECK(seven.pid() > 0);
        std::vector<coir::task<coir::exit_status>> waiting;
        for (int i = 0; i < 5; ++i) waiting.push_back(coir::go([&] { return seven.wait(); }));
        for (auto& one : waiting) {
            const coir::exit_status status = one.join();
            CHECK(status.exited());
            CHECK(!status.signaled());
            CHECK(!status.success());
            CHECK(status.code() == 7);
            CHECK(status.signal() == 0);
        }
        CHECK(seven.wait().code() == 7);
        auto fine = process::spawn({"true"});
        CHECK(fine.wait().success());
        CHECK(fine.wait().exited());
        CHECK(zombies() == 0);
    });
}

TEST_CASE("a child that is killed by a signal says which") {
    for_each_io([] {
        for (const int signal : {SIGTERM, SIGKILL, SIGINT}) {
            auto child = process::spawn({"sleep", "1000"});
            child.kill(signal);
            const coir::exit_status status = child.wait();
            CHECK(status.signaled());
            CHECK(!status.exited());
            CHECK(status.signal() == signal);
            CHECK(status.code() == -1);
        }
        auto aborts = process::spawn({"sh", "-c", "ulimit -c 0; kill -ABRT $$"});
        CHECK(aborts.wait().signal() == SIGABRT);
    });
}

TEST_CASE("after its end has been waited for, kill finds no process") {
    for_each_io([] {
        auto child = process::spawn({"true"});
        const pid_t pid = child.pid();
        child.wait();
        CHECK(child.pid() == pid);
        CHECK(error_of([&] { child.kill(SIGTERM); }) == std::errc::no_such_process);
        auto alive = process::spawn({"sleep", "1000"});
        CHECK(error_of([&] { alive.kill(12345); }) == std::errc::invalid_argument);
        alive.kill(0);
        alive.kill(SIGKILL);
        alive.wait();
        process none;
        CHECK(error_of([&] { none.kill(SIGTERM); }) == std::errc::bad_file_descriptor);
        CHECK(error_of([&] { none.wait(); }) == std::errc::bad_file_descriptor);
        CHECK(error_of([&] { coir::select(none.on_exit()); }) == std::errc::bad_file_descriptor);
    });
}

TEST_CASE("waiting holds up no worker and can be given up") {
    for_each_io([] {
        auto child = process::spawn({"sleep", "1000"});
        CHECK_THROWS_AS(coir::with_timeout(1ms, [&] { return child.wait(); }), coir::timed_out);
        auto waiting = coir::go([&] { return child.wait(); });
        for (int i = 0; i < 100; ++i) coir::yield();
        CHECK(!waiting.done());
        child.kill(SIGTERM);
        CHECK(waiting.join().signal() == SIGTERM);
    });
}

TEST_CASE("select takes the end of a child, with its status") {
    for_each_io([] {
        auto child = process::spawn({"cat"}, {.standard_input = stdio::piped});
        CHECK(coir::select(child.on_exit(), coir::on_timeout(1ms)) == 1);
        auto closer = coir::go([&] { child.standard_input().close(); });
        int code = -1;
        CHECK(coir::select(child.on_exit([&](coir::exit_status status) { code = status.code(); }),
                           coir::on_timeout(60s)) == 0);
        CHECK(code == 0);
        closer.join();
        bool called = false;
        CHECK(coir::select(child.on_exit([&] { called = true; })) == 0); // again
        CHECK(called);
        CHECK(child.wait().success());
        auto other = process::spawn({"sh", "-c", "exit 3"});
        auto slow = process::spawn({"sleep", "1000"});
        std::vector<coir::select_case> cases;
        cases.push_back(slow.on_exit([&](coir::exit_status) { code = -2; }));
        cases.push_back(other.on_exit([&](coir::exit_status status) { code = status.code(); }));
        CHECK(coir::select(cases) == 1);
        CHECK(code == 3);
        slow.kill(SIGKILL);
        slow.wait();
        CHECK(zombies() == 0);
    });
}

TEST_CASE("a dropped child goes on, and is reaped when it ends") {
    for_each_io([] {
        auto [reader, writer] = coir::pipe();
        pid_t pid = 0;
        {
            auto child =
                process::spawn({"sh", "-c", "read line; echo $line"},
                               {.standard_input = stdio::piped, .standard_output = stdio::piped});
            pid = child.pid();
            writer = std::move(child.standard_input());
            reader = std::move(child.standard_output());
        }
        CHECK(exists(pid));
        writer.write_all("still here\n");
        std::array<char, 11> line;
        reader.read_exactly(line);
        CHECK(std::string(line.data(), 11) == "still here\n");
        while (exists(pid)) coir::sleep_for(1ms); // a zombie exists, too
        // The reaper's own descriptors go with the last child.
        while (shell("ps -T -o comm= -p " + std::to_string(::getpid())).find("coir-reaper") !=
               std::string::npos)
            coir::sleep_for(1ms);
    });
}

TEST_CASE("many children at a time, half of them dropped, leave no zombie") {
    for_each_io([] {
        coir::task_group group{{.limit = 8}};
        std::atomic<int> right{0};
        for (int i = 0; i < 40; ++i) {
            group.go([&, i] {
                auto child = process::spawn({"sh", "-c", "exit " + std::to_string(i)});
                if (i % 2 == 0 && child.wait().code() == i) right.fetch_add(1);
            });
        }
        group.wait();
        CHECK(right.load() == 20);
        while (zombies() != 0) coir::sleep_for(1ms);
        while (shell("ps -T -o comm= -p " + std::to_string(::getpid())).find("coir-reaper") !=
               std::string::npos)
            coir::sleep_for(1ms);
    });
}

TEST_CASE("a child that others have waited for is an error, not a hang") {
    for_each_io([] {
        auto child = process::spawn({"true"});
        int status = 0;
        coir::blocking([&] { ::waitpid(child.pid(), &status, 0); });
        CHECK(error_of([&] { child.wait(); }) == std::errc::no_child_process);
        CHECK(error_of([&] { coir::select(child.on_exit()); }) == std::errc::no_child_process);
    });
}

TEST_CASE("without a handler of SIGCHLD of ours, the program's own is left alone") {
    static std::atomic<int> calls{0};
    const auto before = std::signal(SIGCHLD, [](int) { calls.fetch_add(1); });
    const auto ours = std::signal(SIGCHLD, SIG_DFL);
    std::signal(SIGCHLD, ours);
    for_each_io([] { CHECK(process::spawn({"true"}).wait().success()); });
    CHECK(calls.load() > 0);
    const bool untouched = std::signal(SIGCHLD, before) == ours;
    CHECK(untouched);
}
