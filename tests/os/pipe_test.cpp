// SPDX-License-Identifier: MIT
// Covers pipes within a process.

#include "io_fixture.hpp"

#include <fcntl.h>

using namespace fixture;

TEST_CASE("what goes in comes out, in order, however it is cut") {
    const std::string data = pattern(1'000'000);
    for_each_io([&] {
        auto [reader, writer] = coir::pipe();
        auto sender = coir::go([&, out = std::move(writer)]() mutable {
            std::size_t at = 0;
            for (std::size_t size = 1; at < data.size(); size = size * 3 % 70'001 + 1) {
                out.write_all(std::string_view{data}.substr(at, size));
                at += size;
            }
        }); // closes at its end
        std::string back;
        std::string part(10'000, '\0');
        while (const std::size_t count = reader.read(part)) back.append(part, 0, count);
        CHECK(back == data);
        CHECK(reader.read(part) == 0);
        sender.join();
    });
}

TEST_CASE("read_exactly takes its part and tells an early end") {
    for_each_io([] {
        auto [reader, writer] = coir::pipe();
        writer.write_all("hello world");
        writer.shutdown_write();
        std::array<char, 6> six;
        reader.read_exactly(six);
        CHECK(std::string(six.data(), 6) == "hello ");
        std::error_code error;
        CHECK(reader.read_exactly(six, error) == 5);
        CHECK(error == coir::errc::end_of_stream);
    });
}

TEST_CASE("writing without a reader is broken_pipe and no signal") {
    for_each_io([] {
        auto [reader, writer] = coir::pipe();
        reader.close();
        CHECK(error_of([&] { writer.write_all("x"); }) == std::errc::broken_pipe);
        CHECK(text_of([&] { writer.write_all("x"); }).find("write pipe") == 0);
        // A writer that waits for room when the reader goes.
        auto other = coir::pipe();
        auto stuck =
            coir::go([&] { return error_of([&] { other.writer.write_all(pattern(1'000'000)); }); });
        std::array<char, 10> some;
        other.reader.read_exactly(some); // it is at it
        other.reader.close();
        CHECK(stuck.join() == std::errc::broken_pipe);
    });
}

TEST_CASE("closing ends a read and a write that are under way") {
    for_each_io([] {
        auto [reader, writer] = coir::pipe();
        auto reading = coir::go([&] {
            std::array<char, 1> one;
            return error_of([&] { reader.read(one); });
        });
        for (int i = 0; i < 10; ++i) coir::yield();
        reader.close();
        const auto error = reading.join();
        const bool clear = error == std::errc::operation_canceled ||
                           error == std::errc::bad_file_descriptor; // when it had not begun
        CHECK(clear);
        auto full = coir::pipe();
        std::atomic<bool> begun{false};
        auto writing = coir::go([&] {
            begun.store(true);
            return error_of([&] { full.writer.write_all(pattern(1'000'000)); });
        });
        std::array<char, 10> some;
        full.reader.read_exactly(some);
        full.writer.close();
        CHECK(writing.join() == std::errc::operation_canceled);
        CHECK(begun.load());
    });
}

TEST_CASE("closed handles are bad descriptors, closing is idempotent") {
    for_each_io([] {
        coir::pipe_reader no_reader;
        coir::pipe_writer no_writer;
        std::array<char, 1> one;
        CHECK(!no_reader);
        CHECK(error_of([&] { no_reader.read(one); }) == std::errc::bad_file_descriptor);
        CHECK(error_of([&] { no_writer.write("x"); }) == std::errc::bad_file_descriptor);
        auto [reader, writer] = coir::pipe();
        CHECK(reader);
        reader.close();
        reader.close();
        writer.close();
        CHECK(error_of([&] { reader.read(one); }) == std::errc::bad_file_descriptor);
        CHECK(error_of([&] { writer.write("x"); }) == std::errc::bad_file_descriptor);
        CHECK(error_of([&] { coir::select(reader.on_readable()); }) ==
              std::errc::bad_file_descriptor);
    });
}

TEST_CASE("select takes a pipe that is readable or writable") {
    for_each_io([] {
        auto [reader, writer] = coir::pipe();
        bool called = false;
        CHECK(coir::select(reader.on_readable(), writer.on_writable([&] { called = true; })) == 1);
        CHECK(called);
        CHECK(coir::select(reader.on_readable(), coir::on_timeout(1ms)) == 1);
        auto sender = coir::go([&] { writer.write_all("x"); });
        CHECK(coir::select(reader.on_readable(), coir::on_timeout(10s)) == 0);
        sender.join();
        std::array<char, 1> one;
        CHECK(reader.read(one) == 1);
        // Full: not writable until it is read.
        std::string filling(65'536, 'x');
        writer.write_all(filling);
        CHECK(coir::select(writer.on_writable(), coir::otherwise()) == 1);
        auto drain = coir::go([&] { reader.read_exactly(filling); });
        CHECK(coir::select(writer.on_writable(), coir::on_timeout(10s)) == 0);
        drain.join();
        writer.close();
        CHECK(coir::select(reader.on_readable(), coir::on_timeout(10s)) == 0); // the end
        CHECK(reader.read(one) == 0);
    });
}

TEST_CASE("neither end is inherited by children") {
    for_each_io([] {
        auto [reader, writer] = coir::pipe();
        CHECK((::fcntl(reader.native_handle(), F_GETFD) & FD_CLOEXEC) != 0);
        CHECK((::fcntl(writer.native_handle(), F_GETFD) & FD_CLOEXEC) != 0);
    });
}

TEST_CASE("ten thousand cancelled reads lose no byte") {
    for_each_io([] {
        auto [reader, writer] = coir::pipe();
        constexpr int reads = 10'000;
        std::atomic<bool> stop{false};
        std::size_t sent = 0;
        auto sender = coir::go([&, out = std::move(writer)]() mutable {
            std::uint8_t next = 0;
            while (!stop.load()) {
                std::array<std::uint8_t, 7> part;
                for (auto& one : part) one = next++;
                out.write_all(part);
                sent += part.size();
                if (sent % 3 == 0) coir::yield();
            }
        });
        std::size_t got = 0;
        std::uint8_t expected = 0;
        int cancelled = 0;
        bool in_order = true;
        std::array<std::uint8_t, 64> buffer;
        const auto take = [&](std::size_t count) {
            got += count;
            for (std::size_t i = 0; i < count; ++i) in_order = in_order && buffer[i] == expected++;
        };
        while (cancelled < reads) {
            coir::task_group group;
            group.go([&] {
                for (;;) take(reader.read(buffer));
            });
            for (int i = cancelled % 5; i > 0; --i) coir::yield();
            group.request_stop();
            try {
                group.wait();
            } catch (const coir::cancelled&) {
                ++cancelled;
            }
        }
        stop.store(true);
        while (const std::size_t count = reader.read(buffer)) take(count);
        sender.join();
        CHECK(in_order);
        CHECK(got == sent);
        CHECK(sent > 0);
    });
}

TEST_CASE("outside of a coroutine a pipe can be made, and used by coroutines") {
    const leak_check leaks;
    auto ends = coir::pipe();
    std::array<char, 2> two;
    CHECK_THROWS_AS(ends.reader.read(two), std::logic_error);
    for (const coir::io_backend backend : backends) {
        coir::run({.io = backend}, [&] {
            ends.writer.write_all("ok");
            ends.reader.read_exactly(two);
            CHECK(std::string(two.data(), 2) == "ok");
        });
    }
}
