// SPDX-License-Identifier: MIT
// Covers buffered_reader: lines, delimiters, limits, and that nothing is lost.

#include "io_fixture.hpp"

#include <deque>
#include <optional>
#include <vector>

using namespace fixture;

namespace {

/// Gives the pieces one by one, then the end, or an error if one is set.
struct scripted {
    std::deque<std::string> pieces;
    std::error_code failure{};

    std::size_t read(coir::io::buffer into, std::error_code& error) {
        error.clear();
        if (pieces.empty()) {
            error = failure;
            return 0;
        }
        std::string& next = pieces.front();
        const std::size_t count = std::min(into.size(), next.size());
        std::copy_n(next.data(), count, static_cast<char*>(into.data()));
        next.erase(0, count);
        if (next.empty()) pieces.pop_front();
        return count;
    }
    std::size_t read(coir::io::buffer into) {
        std::error_code error;
        const std::size_t count = read(into, error);
        if (error) throw std::system_error{error, "read of the script"};
        return count;
    }
    void close() {}
};

std::vector<std::string> lines_of(scripted from) {
    coir::buffered_reader in{from};
    std::vector<std::string> lines;
    while (auto line = in.read_line()) lines.push_back(*line);
    return lines;
}

using strings = std::vector<std::string>;

} // namespace

TEST_CASE("lines come without LF and CRLF, the last one too") {
    CHECK(lines_of({{"a\nb\r\n\n\r\nlast"}}) == strings{"a", "b", "", "", "last"});
    CHECK(lines_of({{"a\n"}}) == strings{"a"});
    CHECK(lines_of({{""}}) == strings{});
    CHECK(lines_of({}) == strings{});
    CHECK(lines_of({{"\n"}}) == strings{""});
    CHECK(lines_of({{"in\rside\n"}}) == strings{"in\rside"});
    CHECK(lines_of({{"cut\r"}}) == strings{"cut\r"});
    CHECK(lines_of({{std::string("nul\0\n", 5)}}) == strings{std::string("nul\0", 4)});
}

TEST_CASE("where a stream is cut makes no difference") {
    const std::string text = "one\r\ntwo\nthree\r\n\r\nfour";
    const strings whole = lines_of({{text}});
    for (std::size_t first = 0; first < text.size(); ++first) {
        for (std::size_t second = first; second < text.size(); ++second) {
            scripted from;
            for (const auto& piece :
                 {text.substr(0, first), text.substr(first, second - first), text.substr(second)}) {
                if (!piece.empty()) from.pieces.push_back(piece);
            }
            CHECK(lines_of(from) == whole);
        }
    }
}

TEST_CASE("a line may have max bytes, however it ends") {
    for (const std::string end : {"\n", "\r\n", ""}) {
        for (const bool split : {false, true}) {
            scripted from;
            const std::string line = "12345" + end;
            if (split) {
                for (const char one : line) from.pieces.emplace_back(1, one);
            } else {
                from.pieces.push_back(line);
            }
            coir::buffered_reader in{from};
            CHECK(in.read_line(5) == "12345");
            CHECK(in.read_line(5) == std::nullopt);
        }
    }
}

TEST_CASE("a longer line is message_size and nothing is consumed") {
    scripted from{{"123456\nrest\n"}};
    coir::buffered_reader in{from};
    CHECK(error_of([&] { in.read_line(5); }) == std::errc::message_size);
    std::error_code error;
    CHECK(in.read_line(5, error) == std::nullopt);
    CHECK(error == std::errc::message_size);
    CHECK(in.read_line(6, error) == "123456");
    CHECK(!error);
    CHECK(in.read_line() == "rest");
}

TEST_CASE("an endless line is noticed at the limit, not later") {
    scripted from;
    for (int i = 0; i < 100; ++i) from.pieces.emplace_back(1'000, 'x');
    coir::buffered_reader in{from};
    CHECK(error_of([&] { in.read_line(9'999); }) == std::errc::message_size);
    CHECK(from.pieces.size() >= 80);
    std::string all(100'000, '\0');
    in.read_exactly(all);
    CHECK(all == std::string(100'000, 'x'));
}

TEST_CASE("read_until consumes the delimiter and does not return it") {
    scripted from{{"key=va", "lue;", ";tail"}};
    coir::buffered_reader in{from};
    CHECK(in.read_until('=') == "key");
    CHECK(error_of([&] { in.read_until(';', 4); }) == std::errc::message_size);
    CHECK(in.read_until(';', 5) == "value");
    CHECK(in.read_until(';') == "");
    CHECK(in.read_until(';') == "tail");
    CHECK(in.read_until(';') == std::nullopt);
}

TEST_CASE("read gives what is buffered first, then asks the stream") {
    scripted from{{"line\nbody", " and more"}};
    coir::buffered_reader in{from};
    CHECK(in.read_line() == "line");
    CHECK(in.buffered() == 4);
    std::array<char, 64> memory{};
    CHECK(in.read(std::span{memory}.first(2)) == 2);
    CHECK(in.read(memory) == 2);
    CHECK(in.read(memory) == 9);
    CHECK(in.read(memory) == 0);
}

TEST_CASE("read_exactly fills, or says that the stream ended") {
    scripted from{{"ab\ncd", "ef"}};
    coir::buffered_reader in{from};
    CHECK(in.read_line() == "ab");
    std::string three(3, '\0');
    in.read_exactly(three);
    CHECK(three == "cde");
    std::error_code error;
    CHECK(in.read_exactly(three, error) == 1);
    CHECK(error == coir::errc::end_of_stream);
}

TEST_CASE("an error of the stream keeps what came before it") {
    scripted from{{"whole\nhal"}, std::make_error_code(std::errc::connection_reset)};
    coir::buffered_reader in{from};
    CHECK(in.read_line() == "whole");
    CHECK(text_of([&] { in.read_line(); }).starts_with("read of the script"));
    std::error_code error;
    CHECK(in.read_line(error) == std::nullopt);
    CHECK(error == std::errc::connection_reset);
    from.pieces.push_back("f\n");
    CHECK(in.read_line(error) == "half");
    CHECK(!error);
}

TEST_CASE("a reader owns a stream it is given, and uses one it is shown") {
    coir::buffered_reader owner{scripted{{"a\nb\n"}}};
    CHECK(owner.read_line() == "a");
    auto moved = std::move(owner);
    CHECK(moved.read_line() == "b");
    scripted shown{{"c\n"}};
    coir::buffered_reader<scripted> user{shown};
    CHECK(&user.stream() == &shown);
    CHECK(user.read_line() == "c");
}

TEST_CASE("lines travel over a socket while the reader is cancelled again and again") {
    for_each_io([] {
        auto listener = coir::tcp_listener::bind("127.0.0.1", 0);
        const int count = scaled(2'000);
        auto writer = coir::go([where = listener.local_endpoint(), count] {
            auto stream = coir::tcp_stream::connect(where);
            for (int i = 0; i < count; ++i) {
                stream.write_all("line " + std::to_string(i) + "\r\n");
                if (i % 16 == 0) coir::yield();
            }
        });
        auto stream = listener.accept();
        coir::buffered_reader in{stream};
        int expected = 0;
        bool ended = false;
        while (!ended) {
            try {
                coir::with_timeout(50us, [&] {
                    while (auto line = in.read_line()) {
                        if (*line != "line " + std::to_string(expected)) CHECK(*line == "");
                        ++expected;
                    }
                    ended = true;
                });
            } catch (const std::system_error& error) {
                CHECK(error.code() == std::errc::timed_out);
            }
        }
        CHECK(expected == count);
        writer.join();
    });
}
