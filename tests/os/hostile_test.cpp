// SPDX-License-Identifier: MIT
// Covers pipes and processes under hostile conditions: no descriptors left, a fork in the middle.

#include "io_fixture.hpp"

#include <csignal>

using namespace fixture;
using coir::process;
using coir::stdio;

TEST_CASE("without descriptors pipes and children fail clearly, leak nothing, and work again") {
    for_each_io([] {
        CHECK(process::spawn({"true"}).wait().success()); // what is made once has been made
        const long open = open_descriptors();
        for (rlim_t more = 0; more < 10; ++more) {
            bool spawned = false;
            {
                const descriptor_limit few{more};
                if (more < 2) {
                    CHECK(error_of([] { std::ignore = coir::pipe(); }) ==
                          std::errc::too_many_files_open);
                }
                std::error_code error;
                auto child = process::spawn({"true"},
                                            {.standard_input = stdio::piped,
                                             .standard_output = stdio::piped,
                                             .standard_error = stdio::piped},
                                            error);
                if (error) CHECK(error == std::errc::too_many_files_open);
                spawned = !error;
                if (spawned) CHECK(child.wait().success());
            }
            if (more == 9) CHECK(spawned);
            if (more < 6) CHECK(!spawned);
            CHECK(open_descriptors() == open);
        }
        CHECK(coir::pipe().writer);
        CHECK(shell("ps -o stat= --ppid " + std::to_string(::getpid()) + " | grep -c Z") ==
              "0\n[status 1]");
    });
}

TEST_CASE("a fork in the middle leaves the parent's pipes and children alone") {
    for_each_io([] {
        auto child = process::spawn(
            {"cat"}, {.standard_input = stdio::piped, .standard_output = stdio::piped});
        auto [reader, writer] = coir::pipe();
        auto reading = coir::go([&, in = std::move(reader)]() mutable {
            std::array<char, 5> buffer;
            in.read_exactly(buffer);
            return std::string(buffer.data(), 5);
        });
        coir::yield();
        const pid_t forked = ::fork();
        if (forked == 0) {
            {
                const process dropped = std::move(child);
            } // not its child: nothing to do
            ::_exit(0);
        }
        int status = -1;
        coir::blocking([&] { ::waitpid(forked, &status, 0); });
        CHECK(status == 0);
        writer.write_all("hello");
        CHECK(reading.join() == "hello");
        child.standard_input().write_all("alive");
        child.standard_input().close();
        std::array<char, 5> buffer;
        child.standard_output().read_exactly(buffer);
        CHECK(std::string(buffer.data(), 5) == "alive");
        CHECK(child.wait().success());
    });
}

TEST_CASE("cancelled while spawning and waiting, nothing is left behind") {
    for_each_io([] {
        CHECK(process::spawn({"true"}).wait().success()); // what is made once has been made
        const long open = open_descriptors();
        for (int i = 0; i < 20; ++i) {
            coir::task_group group;
            for (int member = 0; member < 3; ++member) {
                group.go([] {
                    for (;;) {
                        auto child = process::spawn({"cat"}, {.standard_input = stdio::piped});
                        child.standard_input().close();
                        child.wait();
                    }
                });
            }
            for (int turn = 0; turn < i * 10; ++turn) coir::yield();
            group.request_stop();
            CHECK_THROWS_AS(group.wait(), coir::cancelled);
        }
        // Those that were dropped alive are waited for by a thread that may have yet to start.
        while (open_descriptors() > open) coir::sleep_for(1ms);
    });
}
