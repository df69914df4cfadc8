// SPDX-License-Identifier: MIT
// Covers copy where the kernel moves the bytes: every pair of ends that it can serve, how much of
// it is really done so, cancellation, errors, and small messages.

#include "io_fixture.hpp"

#include <fcntl.h>

#include <utility>

using namespace fixture;

namespace {

std::uint64_t moved_by_kernel() { return coir::metrics().bytes_copied_in_kernel; }

struct tcp_ends {
    coir::tcp_stream writer;
    coir::tcp_stream reader;
};
tcp_ends tcp_pair() {
    auto listener = coir::tcp_listener::bind("127.0.0.1", 0);
    auto writer = coir::tcp_stream::connect(listener.local_endpoint());
    return {std::move(writer), listener.accept()};
}

struct unix_ends {
    coir::unix_stream writer;
    coir::unix_stream reader;
};
unix_ends unix_pair() {
    const temporary_folder folder;
    auto listener = coir::unix_listener::bind(folder / "socket");
    auto writer = coir::unix_stream::connect(folder / "socket");
    return {std::move(writer), listener.accept()};
}

/// With room for more than the buffer of a copy.
coir::pipe_ends wide_pipe() {
    auto ends = coir::pipe();
    CHECK(::fcntl(ends.writer.native_handle(), F_SETPIPE_SZ, 1 << 20) >= 1 << 20);
    return ends;
}

/// Returns when the number, which somebody raises, has come to stand still.
template <class Number> void await_standstill(const Number& number) {
    std::uint64_t last = number();
    for (int unchanged = 0; unchanged < 5; ++unchanged) {
        coir::sleep_for(1ms);
        if (number() != last) unchanged = 0;
        last = number();
    }
}

template <class Stream> std::string all_of(Stream& from) {
    std::string all;
    std::string part(200'000, '\0');
    while (const std::size_t size = from.read(part)) all.append(part, 0, size);
    return all;
}

/// Copies `text` from one pair of ends into the other; the kernel has to take part.
template <class From, class To> void check_between(From from, To to, const std::string& text) {
    const std::uint64_t before = moved_by_kernel();
    std::atomic<std::uint64_t> fed{0};
    auto feeding = coir::go([&] {
        while (fed < text.size()) fed += from.writer.write(std::string_view{text}.substr(fed));
        from.writer.shutdown_write();
    });
    auto copying = coir::go([&] {
        const std::uint64_t moved = coir::copy(from.reader, to.writer);
        to.writer.shutdown_write();
        return moved;
    });
    // When the sink and then the source are full, the copy has more before it than its buffer
    // holds.
    await_standstill([&] { return fed.load(); });
    const bool whole = all_of(to.reader) == text;
    CHECK(whole);
    CHECK(copying.join() == text.size());
    feeding.join();
    CHECK(moved_by_kernel() > before);
}

constexpr std::size_t much = 20'000'000;

} // namespace

TEST_CASE("the kernel copies between sockets and pipes") {
    const std::string text = pattern(much);
    for_each_io([&] {
        check_between(tcp_pair(), tcp_pair(), text);
        check_between(unix_pair(), tcp_pair(), text);
        check_between(tcp_pair(), unix_pair(), text);
        check_between(unix_pair(), unix_pair(), text);
        check_between(wide_pipe(), tcp_pair(), text);
        check_between(tcp_pair(), coir::pipe(), text);
        check_between(wide_pipe(), unix_pair(), text);
        check_between(wide_pipe(), coir::pipe(), text);
    });
}

TEST_CASE("the kernel copies files to sockets and to files, from where they are") {
    const std::string text = pattern(much);
    for_each_io([&] {
        const temporary_folder folder;
        coir::write_file(folder / "from", "head" + text);
        const auto open_behind_head = [&] {
            auto file = coir::file::open(folder / "from");
            std::string head(4, '\0');
            file.read_exactly(head);
            return file;
        };
        {
            const std::uint64_t before = moved_by_kernel();
            auto [writer, reader] = tcp_pair();
            auto sending = coir::go([&, to = std::move(writer)]() mutable {
                auto from = open_behind_head();
                const std::uint64_t moved = coir::copy(from, to);
                std::string rest(1, '\0');
                CHECK(from.read(rest) == 0); // the position has moved as well
                return moved;
            });
            const bool whole = all_of(reader) == text;
            CHECK(whole);
            CHECK(sending.join() == text.size());
            CHECK(moved_by_kernel() - before == text.size() - 64 * 1024);
        }
        auto from = open_behind_head();
        auto to = coir::file::open(folder / "to", coir::open_mode::write | coir::open_mode::create);
        to.write_all("copy");
        CHECK(coir::copy(from, to) == text.size());
        to.write_all("end");
        const bool whole = coir::read_file(folder / "to") == "copy" + text + "end";
        CHECK(whole);
    });
}

TEST_CASE("what the kernel cannot copy goes by buffer") {
    const std::string text = pattern(3'000'000);
    for_each_io([&] {
        const temporary_folder folder;
        coir::write_file(folder / "from", text);
        coir::write_file(folder / "to", "first ");
        {
            auto from = coir::file::open(folder / "from");
            auto to = coir::file::open(folder / "to", coir::open_mode::append);
            CHECK(coir::copy(from, to) == text.size());
        }
        const bool appended = coir::read_file(folder / "to") == "first " + text;
        CHECK(appended);
        // Files of /proc say that they are empty, and are not.
        auto from = coir::file::open("/proc/self/maps");
        auto to =
            coir::file::open(folder / "maps", coir::open_mode::write | coir::open_mode::create);
        CHECK(coir::copy(from, to) > 0);
        CHECK(coir::read_file(folder / "maps").size() > 0);
    });
}

TEST_CASE("a copy that waits at either end is cancelled, and leaves the ends open") {
    for_each_io([] {
        for (const bool source_is_dry : {true, false}) {
            auto source = tcp_pair();
            auto sink = tcp_pair();
            coir::task_group group;
            group.go([&] { coir::copy(source.reader, sink.writer); });
            const std::uint64_t before = moved_by_kernel();
            if (source_is_dry) {
                source.writer.write_all(std::string(300'000, 'x'));
                std::string part(300'000, '\0');
                sink.reader.read_exactly(part);
            } else {
                group.go([&] {
                    const std::string text(1'000'000, 'x');
                    for (;;) source.writer.write_all(text); // nobody reads: it comes to stand still
                });
                while (moved_by_kernel() == before) coir::sleep_for(1ms);
                await_standstill(moved_by_kernel);
            }
            group.request_stop();
            CHECK_THROWS_AS(group.wait(), coir::cancelled);
            CHECK(source.reader.is_open());
            CHECK(sink.writer.is_open());
        }
    });
}

TEST_CASE("a copy ends with the error of the end that broke, and its address") {
    const std::string text = pattern(much);
    for_each_io([&] {
        const temporary_folder folder;
        coir::write_file(folder / "from", text);
        auto [writer, reader] = tcp_pair();
        auto peer = coir::go([from = std::move(reader)]() mutable {
            std::string part(300'000, '\0');
            from.read_exactly(part);
            from.close(); // with bytes unread: resets the connection
        });
        auto from = coir::file::open(folder / "from");
        std::error_code error;
        const std::uint64_t moved = coir::copy(from, writer, error);
        peer.join();
        CHECK((error == std::errc::broken_pipe || error == std::errc::connection_reset));
        CHECK(moved >= 300'000);
        CHECK(moved < text.size());
        // The file goes on behind what was sent.
        std::string next(100, '\0');
        from.read_exactly(next);
        CHECK(next == text.substr(moved, 100));

        auto other = tcp_pair();
        const std::string address = other.writer.remote_endpoint().to_string();
        other.reader.close();
        auto again = coir::file::open(folder / "from");
        CHECK(text_of([&] { coir::copy(again, other.writer); }).find(address) != std::string::npos);
    });
}

TEST_CASE("small messages go through at once") {
    for_each_io([] {
        auto source = tcp_pair();
        auto sink = tcp_pair();
        auto copying = coir::go([&] { return coir::copy(source.reader, sink.writer); });
        std::string echo(5, '\0');
        for (int i = 0; i < 200; ++i) {
            source.writer.write_all("hello");
            sink.reader.read_exactly(echo);
            if (i == 100) { // and so they do when much has gone through before
                auto large =
                    coir::go([&] { source.writer.write_all(std::string(2'000'000, 'x')); });
                std::string part(2'000'000, '\0');
                sink.reader.read_exactly(part);
                large.join();
            }
        }
        source.writer.shutdown_write();
        CHECK(copying.join() == 200 * 5 + 2'000'000);
    });
}

TEST_CASE("close ends a copy") {
    for_each_io([] {
        auto source = tcp_pair();
        auto sink = tcp_pair();
        std::error_code error;
        auto copying = coir::go([&] { coir::copy(source.reader, sink.writer, error); });
        source.writer.write_all(std::string(200'000, 'x'));
        std::string part(200'000, '\0');
        sink.reader.read_exactly(part);
        source.reader.close();
        copying.join();
        CHECK((error == std::errc::operation_canceled || error == std::errc::bad_file_descriptor));
    });
}
