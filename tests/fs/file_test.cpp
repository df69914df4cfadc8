// SPDX-License-Identifier: MIT
// Covers regular files: the modes of opening, reading and writing on and at offsets, whole files.

#include "io_fixture.hpp"

using namespace fixture;
using coir::open_mode;

namespace {

constexpr open_mode anew = open_mode::write | open_mode::create | open_mode::truncate;

std::string read_all(coir::file& from, std::size_t part_size) {
    std::string text;
    std::string part(part_size, '\0');
    while (const std::size_t count = from.read(part)) text.append(part, 0, count);
    return text;
}

} // namespace

TEST_CASE("what is written in parts is read in parts, one after the other") {
    const temporary_folder folder;
    const std::string data = pattern(300'000);
    for_each_io([&] {
        auto out = coir::file::open(folder / "f", anew);
        std::size_t at = 0;
        for (const std::size_t size : {1U, 4'096U, 70'000U}) {
            out.write_all(std::string_view{data}.substr(at, size));
            at += size;
        }
        while (at < data.size()) at += out.write(std::string_view{data}.substr(at));
        out.close();
        CHECK(std::filesystem::file_size(folder / "f") == data.size());
        for (const std::size_t part : {7'001U, 65'536U, 1'000'000U}) {
            auto in = coir::file::open(folder / "f");
            CHECK(read_all(in, part) == data);
            CHECK(in.read(std::span<char>{}) == 0);
            std::array<std::byte, 8> more;
            CHECK(in.read(more) == 0); // again the end
        }
    });
}

TEST_CASE("a file written here is the same to sha256sum, and one of head's the same here") {
    const temporary_folder folder;
    const std::string data = pattern(5'000'000);
    for_each_io([&] {
        coir::write_file(folder / "ours", data);
        CHECK(shell("head -c 5000000 " + folder / "ours" + " > " + folder / "theirs") == "");
        const std::string sums =
            shell("cd " + folder.path() + " && sha256sum < ours && sha256sum < theirs");
        CHECK(sums.size() == 2 * sums.find('\n') + 2);
        CHECK(sums.substr(0, sums.find('\n')) == sums.substr(sums.find('\n') + 1, 67));
        CHECK(coir::read_file(folder / "theirs") == data);
    });
}

TEST_CASE("the modes of opening do what they say") {
    for_each_io([] {
        const temporary_folder folder;
        const std::string name = folder / "f";
        using std::errc;
        CHECK(error_of([&] { std::ignore = coir::file::open(name); }) ==
              errc::no_such_file_or_directory);
        CHECK(error_of([&] { std::ignore = coir::file::open(name, open_mode::write); }) ==
              errc::no_such_file_or_directory);
        coir::file::open(name, open_mode::write | open_mode::create).write_all("0123456789");
        CHECK(coir::read_file(name) == "0123456789");
        coir::file::open(name, open_mode::write).write_all("abc"); // overwrites, cuts nothing
        CHECK(coir::read_file(name) == "abc3456789");
        coir::file::open(name, open_mode::append).write_all("x");
        CHECK(coir::read_file(name) == "abc3456789x");
        auto both = coir::file::open(name, open_mode::read | open_mode::write);
        std::array<char, 3> start;
        both.read_exactly(start);
        both.write_all("!"); // one position for both
        CHECK(coir::read_file(name) == "abc!456789x");
        CHECK(error_of([&] {
                  std::ignore = coir::file::open(name, open_mode::write | open_mode::create |
                                                           open_mode::exclusive);
              }) == errc::file_exists);
        coir::file::open(folder / "new", open_mode::write | open_mode::exclusive).write_all("n");
        CHECK(coir::read_file(folder / "new") == "n");
        coir::file::open(name, open_mode::truncate).write_all("short");
        CHECK(coir::read_file(name) == "short");
        CHECK(error_of([&] { std::ignore = coir::file::open(name, open_mode{}); }) ==
              errc::invalid_argument);
        CHECK(error_of([&] { coir::file::open(name).write_all("x"); }) ==
              errc::bad_file_descriptor);
        std::array<char, 1> one;
        CHECK(error_of([&] { coir::file::open(name, open_mode::write).read(one); }) ==
              errc::bad_file_descriptor);
    });
}

TEST_CASE("appending goes to the end even when another writes there") {
    const temporary_folder folder;
    for_each_io([&] {
        coir::write_file(folder / "log", "");
        auto left = coir::file::open(folder / "log", open_mode::append);
        auto right = coir::file::open(folder / "log", open_mode::append);
        left.write_all("l1 ");
        right.write_all("r1 ");
        CHECK(shell("printf 's1 ' >> " + folder / "log") == "");
        left.write_all("l2 ");
        right.write_all("r2 ");
        CHECK(coir::read_file(folder / "log") == "l1 r1 s1 l2 r2 ");
    });
}

TEST_CASE("after appending the position is the end, as the kernel has it") {
    const temporary_folder folder;
    for_each_io([&] {
        coir::write_file(folder / "f", "0123456789");
        auto f = coir::file::open(folder / "f", open_mode::append | open_mode::read);
        std::array<char, 4> four{};
        f.read_exactly(four);
        CHECK(std::string(four.data(), 4) == "0123");
        f.write_all("X");
        CHECK(f.read(four) == 0);
        CHECK(coir::read_file(folder / "f") == "0123456789X");
    });
}

TEST_CASE("read_at and write_at leave the position alone and end with the file") {
    const temporary_folder folder;
    for_each_io([&] {
        auto f = coir::file::open(folder / "f", anew | open_mode::read);
        f.write_all("0123456789");
        CHECK(f.write_at("AB", 3) == 2);
        std::array<char, 4> four{};
        CHECK(f.read_at(four, 2) == 4);
        CHECK(std::string(four.data(), 4) == "2AB5");
        CHECK(f.read_at(four, 8) == 2); // as much as there is
        CHECK(f.read_at(four, 10) == 0);
        CHECK(f.read_at(four, 1'000'000) == 0);
        CHECK(f.write_at("z", 12) == 1); // leaves a hole
        f.write_all("X");                // at the position, which is still 10
        CHECK(coir::read_file(folder / "f") == std::string("012AB56789X\0z", 13));
        CHECK(error_of([&] { f.read_at(four, ~std::uint64_t{0}); }) == std::errc::invalid_argument);
        CHECK(error_of([&] { f.write_at("x", std::uint64_t{1} << 63); }) ==
              std::errc::invalid_argument);
    });
}

TEST_CASE("many coroutines read and write one file at different offsets") {
    const temporary_folder folder;
    const std::string data = pattern(64 * 4'096);
    for_each_io([&] {
        auto f = coir::file::open(folder / "f", anew | open_mode::read);
        coir::task_group parts;
        for (std::size_t i = 0; i < 64; ++i)
            parts.go(
                [&, i] { f.write_at(std::string_view{data}.substr(i * 4'096, 4'096), i * 4'096); });
        parts.wait();
        std::atomic<int> right{0};
        for (std::size_t i = 0; i < 64; ++i)
            parts.go([&, i] {
                std::string part(4'096, '\0');
                if (f.read_at(part, i * 4'096) == 4'096 &&
                    data.compare(i * 4'096, 4'096, part) == 0)
                    right.fetch_add(1);
            });
        parts.wait();
        CHECK(right.load() == 64);
    });
}

TEST_CASE("size, truncate and sync") {
    const temporary_folder folder;
    for_each_io([&] {
        auto f = coir::file::open(folder / "f", anew | open_mode::read);
        CHECK(f.size() == 0);
        f.write_all("0123456789");
        CHECK(f.size() == 10);
        f.sync();
        f.truncate(4);
        CHECK(f.size() == 4);
        f.truncate(6);
        CHECK(coir::read_file(folder / "f") == std::string("0123\0\0", 6));
        CHECK(error_of([&] { f.truncate(~std::uint64_t{0}); }) == std::errc::invalid_argument);
        CHECK(error_of([&] { coir::file::open(folder / "f").truncate(0); }) ==
              std::errc::invalid_argument); // not open for writing
    });
}

TEST_CASE("read_exactly tells an early end") {
    const temporary_folder folder;
    for_each_io([&] {
        coir::write_file(folder / "f", "12345");
        auto f = coir::file::open(folder / "f");
        std::array<char, 4> four;
        f.read_exactly(four);
        std::error_code error;
        CHECK(f.read_exactly(four, error) == 1);
        CHECK(error == coir::errc::end_of_stream);
    });
}

TEST_CASE("a closed file is a bad descriptor; closing is idempotent; moving empties") {
    const temporary_folder folder;
    for_each_io([&] {
        coir::file never;
        std::array<char, 4> four;
        std::error_code error;
        CHECK(!never);
        never.read(four, error);
        CHECK(error == std::errc::bad_file_descriptor);
        never.close();
        auto f = coir::file::open(folder / "f", anew);
        coir::file moved = std::move(f);
        CHECK(moved.is_open());
        moved.close();
        moved.close();
        CHECK(!moved.is_open());
        CHECK(moved.native_handle() == -1);
        const auto refused = [&](auto operation) {
            return error_of(operation) == std::errc::bad_file_descriptor;
        };
        CHECK(refused([&] { moved.write_all("x"); }));
        CHECK(refused([&] { moved.read(four); }));
        CHECK(refused([&] { moved.read_at(four, 0); }));
        CHECK(refused([&] { moved.write_at("x", 0); }));
        CHECK(refused([&] { moved.sync(); }));
        CHECK(refused([&] { std::ignore = moved.size(); }));
        CHECK(refused([&] { moved.truncate(0); }));
        CHECK(refused([&] { never.sync(); }));
        CHECK(refused([&] { std::ignore = never.size(); }));
        CHECK(refused([&] { never.truncate(0); }));
    });
}

TEST_CASE("errors name the call and the path; the twins return them") {
    const temporary_folder folder;
    for_each_io([&] {
        const std::string missing = folder / "missing";
        CHECK(text_of([&] { std::ignore = coir::file::open(missing); }).find("open " + missing) ==
              0);
        CHECK(text_of([&] { std::ignore = coir::read_file(missing); }).find("open " + missing) ==
              0);
        const std::string inside = folder / "no/such";
        CHECK(text_of([&] { coir::write_file(inside, "x"); }).find("write " + inside) == 0);
        CHECK(text_of([&] {
                  std::ignore = coir::read_file(folder.path());
              }).find("read " + folder.path()) == 0); // a folder opens, and cannot be read
        std::error_code error;
        CHECK(!coir::file::open(missing, open_mode::read, error));
        CHECK(error == std::errc::no_such_file_or_directory);
        CHECK(coir::read_file(missing, error).empty());
        CHECK(error == std::errc::no_such_file_or_directory);
        CHECK(coir::read_file(folder.path(), error).empty());
        CHECK(error == std::errc::is_a_directory);
        coir::write_file(folder / "ok", "fine", error);
        CHECK(!error);
        CHECK(coir::read_file(folder / "ok", error) == "fine");
        CHECK(!error);
        const std::string cut{"ok\0/etc/passwd", 14};
        CHECK(error_of([&] { std::ignore = coir::read_file(cut); }) == std::errc::invalid_argument);
    });
}

TEST_CASE("a file larger than its size was at first is read to its end") {
    const temporary_folder folder;
    for_each_io([&] {
        for (const std::size_t size : {0UL, 1UL, 4'095UL, 4'096UL, 4'097UL, 1'048'576UL}) {
            const std::string data = pattern(size);
            coir::write_file(folder / "f", data);
            CHECK(coir::read_file(folder / "f") == data);
        }
    });
}

TEST_CASE("outside of a coroutine files refuse to work") {
    CHECK_THROWS_AS(std::ignore = coir::file::open("/dev/null"), std::logic_error);
}
