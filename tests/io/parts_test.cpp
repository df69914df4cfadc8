// SPDX-License-Identifier: MIT
// Covers reading into and writing from several buffers at once, over every kind of stream.

#include "child_process.hpp"
#include "io_fixture.hpp"

#include <sys/socket.h>

#include <span>
#include <vector>

using namespace fixture;
using coir::io::buffer;
using coir::io::bytes;

namespace {

/// The text cut into so many parts of uneven size, empty ones among them.
std::vector<bytes> cut(const std::string& text, std::size_t count) {
    std::vector<bytes> parts;
    std::size_t at = 0;
    for (std::size_t i = 0; i + 1 < count; ++i) {
        const std::size_t size = std::min(text.size() - at, i % 3 == 0 ? 0 : (i * 7919) % 200);
        parts.emplace_back(text.data() + at, size);
        at += size;
    }
    parts.emplace_back(text.data() + at, text.size() - at);
    return parts;
}

template <class To, class From> void write_here_read_there(To& to, From& from) {
    const std::string text = pattern(700'000); // more than any buffer between them takes at once
    auto reading = coir::go([&] {
        std::string got(text.size(), '\0');
        std::size_t done = 0;
        while (done < got.size()) {
            const std::span<char> left = std::span{got}.subspan(done);
            const std::size_t first = std::min<std::size_t>(left.size(), 3);
            const std::size_t second = std::min<std::size_t>(left.size() - first, 10'000);
            done += from.read({left.first(first), left.subspan(first, 0),
                               left.subspan(first, second), left.subspan(first + second)});
        }
        return got;
    });
    const auto parts = cut(text, 3'000); // more than IOV_MAX
    to.write_all(parts);
    CHECK(reading.join() == text);
    std::error_code error;
    CHECK(to.write_all({"a", std::string{"bc"}, std::string_view{}, "d"}, error) == 4);
    CHECK(!error);
    std::array<char, 2> head{};
    std::vector<char> tail(2);
    from.read_exactly(head);
    CHECK(from.read({buffer{head.data(), 0}, tail}) >= 1);
    CHECK(tail[0] == 'c');
    CHECK(to.write(std::span<const bytes>{}) == 0);
    to.write_all({});
    to.write_all({"", ""});
}

} // namespace

TEST_CASE("thousands of parts go over every stream in their order, whatever it takes at once") {
    for_each_io([] {
        auto listener = coir::tcp_listener::bind("127.0.0.1", 0);
        auto client = coir::tcp_stream::connect(listener.local_endpoint());
        auto server = listener.accept();
        const int small = 4'096; // short writes
        ::setsockopt(client.native_handle(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
        write_here_read_there(client, server);
        write_here_read_there(server, client);
        auto [reader, writer] = coir::pipe();
        write_here_read_there(writer, reader);
    });
}

TEST_CASE("parts of files go to and from the file's position, and to the end when appending") {
    for_each_io([] {
        const temporary_folder folder;
        const std::string text = pattern(100'000);
        auto file =
            coir::file::open(folder / "file", coir::open_mode::read | coir::open_mode::write |
                                                  coir::open_mode::create);
        file.write_all(cut(text, 2'000));
        file.write_all({"and", " more"});
        auto again = coir::file::open(folder / "file");
        std::string got(text.size(), '\0');
        std::string end(20, '\0');
        CHECK(again.read({std::span{got}.first(50), std::span{got}.subspan(50), end}) ==
              text.size() + 8);
        CHECK(got == text);
        CHECK(end.substr(0, 8) == "and more");
        CHECK(again.read({got, end}) == 0);
        auto log = coir::file::open(folder / "file", coir::open_mode::append);
        log.write_all({"!", "?"});
        CHECK(coir::read_file(folder / "file").ends_with("and more!?"));
    });
}

TEST_CASE("closed handles and broken streams say so") {
    for_each_io([] {
        coir::tcp_stream nil;
        std::array<char, 4> memory{};
        CHECK(error_of([&] { nil.write_all({"a", "b"}); }) == std::errc::bad_file_descriptor);
        CHECK(error_of([&] { nil.read({buffer{memory}, buffer{memory}}); }) ==
              std::errc::bad_file_descriptor);
        auto [reader, writer] = coir::pipe();
        reader.close();
        CHECK(error_of([&] { writer.write_all({"a", "b"}); }) == std::errc::broken_pipe);
        CHECK(text_of([&] { writer.write_all({"a", "b"}); }).starts_with("write pipe: "));
        CHECK(error_of([&] { reader.read({buffer{memory}, buffer{memory}}); }) ==
              std::errc::bad_file_descriptor);
    });
}

TEST_CASE("a cancelled read into parts loses no byte, and a cancelled write doubles none") {
    for_each_io([] {
        const std::string text = pattern(300'000);
        auto [reader, writer] = coir::pipe();
        auto writing = coir::go([&] {
            for (std::size_t done = 0; done < text.size();) {
                const std::string_view left = std::string_view{text}.substr(done);
                const std::string_view first = left.substr(0, 1'000);
                try {
                    coir::with_timeout(std::chrono::microseconds{done % 50}, [&] {
                        done += writer.write({first, left.substr(first.size())});
                    });
                } catch (const coir::timed_out&) {}
            }
        });
        std::string got(text.size(), '\0');
        for (std::size_t done = 0; done < got.size();) {
            const std::span<char> left = std::span{got}.subspan(done);
            const std::size_t first = std::min<std::size_t>(left.size(), 500);
            try {
                coir::with_timeout(std::chrono::microseconds{done % 50}, [&] {
                    done += reader.read({left.first(first), left.subspan(first)});
                });
            } catch (const coir::timed_out&) {}
        }
        writing.join();
        CHECK(got == text);
    });
}

CHILD("writes parts to standard output") {
    coir::run([] {
        coir::standard_output().write_all({"one ", "two ", "three"});
        std::array<char, 3> first{};
        std::array<char, 3> second{};
        coir::standard_error().write_all(
            {std::to_string(coir::standard_input().read({first, second})), first, "|", second});
    });
    ::_exit(0);
}

TEST_CASE("the standard streams take parts, as pipes and as files") {
    const temporary_folder folder;
    const std::string program = std::filesystem::read_symlink("/proc/self/exe").string() +
                                " --no-skip --no-intro --no-version --out=/dev/null "
                                "--test-case='child: writes parts to standard output' ";
    for (const std::string io : {"COIR_IO=automatic ", "COIR_IO=epoll "}) {
        const std::string out = folder / "out";
        const std::string in = folder / "in";
        shell("printf abcdef > " + in);
        CHECK(shell("env " + io + program + "< " + in + " 2>&1 > " + out + "; cat " + out) ==
              "6abc|defone two three");
        CHECK(shell("printf abcdef | env " + io + program + "2> " + out + "; cat " + out) ==
              "one two three6abc|def");
    }
}

TEST_CASE("parts go to a place in a file, and come from one, all of them") {
    for_each_io([] {
        const temporary_folder folder;
        auto file =
            coir::file::open(folder / "file", coir::open_mode::read | coir::open_mode::write |
                                                  coir::open_mode::create);
        file.write_all("head");
        const std::string text = pattern(500'000);
        CHECK(file.write_at(cut(text, 3'000), 4) == text.size()); // more than IOV_MAX
        CHECK(file.write_at({"a", "", "bc"}, 1) == 3);
        const bool written = coir::read_file(folder / "file") == "habc" + text;
        CHECK(written);

        std::string got(text.size() + 10, '\0');
        std::vector<buffer> into;
        for (std::size_t at = 0; at < got.size(); at += 200) {
            into.emplace_back(
                std::span{got}.subspan(at, std::min<std::size_t>(200, got.size() - at)));
        }
        CHECK(file.read_at(into, 4) == text.size()); // to the end of the file
        const bool whole = got.substr(0, text.size()) == text;
        CHECK(whole);
        std::array<char, 2> first{};
        std::array<char, 1> second{};
        CHECK(file.read_at({first, second}, 1) == 3);
        CHECK(first[1] == 'b');
        CHECK(second[0] == 'c');
        CHECK(file.read_at(std::span<const buffer>{}, 0) == 0);
        file.write_all("HE"); // the position is where it was
        CHECK(coir::read_file(folder / "file").substr(0, 6) == "habcHE");

        std::error_code error;
        CHECK(file.read_at({first, second}, std::uint64_t{1} << 63, error) == 0);
        CHECK(error == std::errc::invalid_argument);
        file.close();
        CHECK(file.write_at({"a", "b"}, 0, error) == 0);
        CHECK(error == std::errc::bad_file_descriptor);
        CHECK(text_of([&] { file.read_at({first, second}, 0); }).find(folder / "file") !=
              std::string::npos);
    });
}
