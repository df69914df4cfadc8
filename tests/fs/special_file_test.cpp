// SPDX-License-Identifier: MIT
// Covers files that are no regular ones: devices, /proc, fifos.

#include "io_fixture.hpp"

#include <sys/stat.h>

#include <thread>

using namespace fixture;
using coir::open_mode;

TEST_CASE("devices: null swallows and is empty; zero never ends; full is full") {
    for_each_io([] {
        auto null = coir::file::open("/dev/null", open_mode::read | open_mode::write);
        null.write_all(pattern(100'000));
        std::array<char, 16> buffer{};
        CHECK(null.read(buffer) == 0);
        auto zero = coir::file::open("/dev/zero");
        std::string zeros(100'000, 'x');
        zero.read_exactly(zeros);
        CHECK(zeros == std::string(100'000, '\0'));
        auto full = coir::file::open("/dev/full", open_mode::write);
        CHECK(error_of([&] { full.write_all("x"); }) == std::errc::no_space_on_device);
    });
}

TEST_CASE("files of proc tell no size and are read whole") {
    for_each_io([] {
        const std::string status = coir::read_file("/proc/self/status");
        CHECK(status.find("Pid:\t" + std::to_string(::getpid()) + "\n") != std::string::npos);
        CHECK(status.back() == '\n');
        CHECK(coir::read_file("/proc/version") == shell("cat /proc/version"));
        const std::string symbols = coir::read_file("/proc/kallsyms"); // several MB, or nothing
        CHECK(symbols.size() == std::stoull(shell("wc -c < /proc/kallsyms")));
    });
}

TEST_CASE("a fifo carries what another process writes, and ends with it") {
    for_each_io([] {
        const temporary_folder folder;
        const std::string name = folder / "fifo";
        REQUIRE(::mkfifo(name.c_str(), 0600) == 0);
        auto writer = coir::go([&] {
            return coir::blocking([&] { return shell("head -c 1000000 /dev/zero > " + name); });
        });
        CHECK(coir::read_file(name) == std::string(1'000'000, '\0'));
        CHECK(writer.join() == "");
        auto reader =
            coir::go([&] { return coir::blocking([&] { return shell("wc -c < " + name); }); });
        coir::write_file(name, pattern(1'000'000));
        CHECK(std::stoi(reader.join()) == 1'000'000);
    });
}

TEST_CASE("a read of a fifo waits without holding up its worker, and is cut short") {
    for_each_io([] {
        const temporary_folder folder;
        const std::string name = folder / "fifo";
        REQUIRE(::mkfifo(name.c_str(), 0600) == 0);
        auto both = coir::file::open(name, open_mode::read | open_mode::write);
        std::array<char, 5> buffer{};
        CHECK_THROWS_AS(coir::with_timeout(1ms, [&] { return both.read(buffer); }),
                        coir::timed_out);
        auto reader = coir::go([&] { both.read_exactly(buffer); });
        coir::yield();
        both.write_all("hello");
        reader.join();
        CHECK(std::string(buffer.data(), 5) == "hello");
        auto waiting = coir::go([&] { return error_of([&] { both.read(buffer); }); });
        coir::yield();
        both.close();
        const auto error = waiting.join();
        const bool clear = error == std::errc::operation_canceled ||
                           error == std::errc::bad_file_descriptor; // when it had not begun
        CHECK(clear);
    });
}

TEST_CASE("one coroutine reads a fifo while another writes to it through the same file") {
    for_each_io([] {
        const temporary_folder folder;
        const std::string name = folder / "fifo";
        REQUIRE(::mkfifo(name.c_str(), 0600) == 0);
        auto both = coir::file::open(name, open_mode::read | open_mode::write);
        const std::string sent = pattern(10'000);
        auto reader = coir::go([&] {
            std::string got(sent.size(), '\0');
            for (char& next : got) both.read_exactly({&next, 1});
            return got;
        });
        for (const char& next : sent) both.write_all(std::string_view{&next, 1});
        CHECK(reader.join() == sent);
    });
}

TEST_CASE("a fifo opens for reading at once, for writing with its reader; neither holds a thread") {
    for_each_io([] {
        const temporary_folder folder;
        const std::string name = folder / "fifo";
        REQUIRE(::mkfifo(name.c_str(), 0600) == 0);
        CHECK_THROWS_AS(coir::with_timeout(
                            1ms, [&] { std::ignore = coir::file::open(name, open_mode::write); }),
                        coir::timed_out);
        // More at once than either backend has threads for files.
        std::vector<coir::task<std::string>> readers;
        for (int i = 0; i < 100; ++i) {
            REQUIRE(::mkfifo((folder / std::to_string(i)).c_str(), 0600) == 0);
            readers.push_back(
                coir::go([&, i] { return coir::read_file(folder / std::to_string(i)); }));
        }
        for (int i = 0; i < 100; ++i) coir::yield();
        CHECK(coir::read_file("/proc/self/comm").back() == '\n');
        for (int i = 0; i < 100; ++i) coir::write_file(folder / std::to_string(i), "hello");
        for (auto& reader : readers) CHECK(reader.join() == "hello");
    });
}

TEST_CASE("a read of a fifo that nobody has written to waits, even for a writer without a word") {
    for_each_io([] {
        const temporary_folder folder;
        const std::string name = folder / "fifo";
        REQUIRE(::mkfifo(name.c_str(), 0600) == 0);
        auto in = coir::file::open(name);
        std::array<char, 5> buffer{};
        CHECK_THROWS_AS(coir::with_timeout(1ms, [&] { return in.read(buffer); }), coir::timed_out);
        CHECK(coir::blocking([&] { return shell(": > " + name); }) == "");
        CHECK(in.read(buffer) == 0);
    });
}
