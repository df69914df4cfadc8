// SPDX-License-Identifier: MIT
// Covers the listing of directories and what is told of files.

#include "io_fixture.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

using namespace fixture;

TEST_CASE("a directory is listed by name, with the kind of each entry") {
    for_each_io([] {
        const temporary_folder folder;
        CHECK(coir::read_directory(folder.path()).empty());
        coir::write_file(folder / "b", "x");
        coir::make_directory(folder / "a");
        CHECK(::mkfifo((folder / "fifo").c_str(), 0600) == 0);
        std::filesystem::create_symlink("nowhere", folder / "link");
        auto listener = coir::unix_listener::bind(folder / "socket");
        coir::write_file(folder / ".hidden", "");
        using kind = coir::file_kind;
        const std::vector<coir::directory_entry> wanted{
            {".hidden", kind::regular}, {"a", kind::directory},  {"b", kind::regular},
            {"fifo", kind::fifo},       {"link", kind::symlink}, {"socket", kind::socket},
        };
        const bool same = coir::read_directory(folder.path()) == wanted;
        CHECK(same);
        const auto devices = coir::read_directory("/dev");
        const auto null = std::find(devices.begin(), devices.end(),
                                    coir::directory_entry{"null", kind::character_device});
        CHECK(null != devices.end());
    });
}

TEST_CASE("a large directory is listed whole, and its listing can be cancelled") {
    const temporary_folder folder;
    for (int i = 0; i < 5'000; ++i) std::ofstream{folder / std::to_string(i)};
    for_each_io([&] {
        const auto found = coir::read_directory(folder.path());
        CHECK(found.size() == 5'000);
        const bool sorted =
            std::is_sorted(found.begin(), found.end(), [](const auto& left, const auto& right) {
                return left.name < right.name;
            });
        CHECK(sorted);
        coir::task_group group;
        group.go([&] {
            group.request_stop();
            static_cast<void>(coir::read_directory(folder.path()));
            CHECK_MESSAGE(false, "not cancelled");
        });
        CHECK_THROWS_AS(group.wait(), coir::cancelled);
    });
}

TEST_CASE("what cannot be listed says so, with the path") {
    for_each_io([] {
        const temporary_folder folder;
        const std::string missing = folder / "missing";
        coir::write_file(folder / "file", "");
        CHECK(error_of([&] { static_cast<void>(coir::read_directory(missing)); }) ==
              std::errc::no_such_file_or_directory);
        CHECK(error_of([&] { static_cast<void>(coir::read_directory(folder / "file")); }) ==
              std::errc::not_a_directory);
        CHECK(text_of([&] {
                  static_cast<void>(coir::read_directory(missing));
              }).find("read directory " + missing) == 0);
        std::error_code error;
        CHECK(coir::read_directory(missing, error).empty());
        CHECK(error == std::errc::no_such_file_or_directory);
        static_cast<void>(coir::read_directory(std::string{"/\0x", 3}, error));
        CHECK(error == std::errc::invalid_argument);
        CHECK(!coir::read_directory("/", error).empty());
        CHECK(!error);
    });
}

TEST_CASE("status is what stat(2) says, through symlinks or not") {
    for_each_io([] {
        const temporary_folder folder;
        const std::string name = folder / "file";
        coir::write_file(name, "12345");
        CHECK(::chmod(name.c_str(), 04640) == 0);
        std::filesystem::create_hard_link(name, folder / "second");
        std::filesystem::create_symlink(name, folder / "link");
        const timespec long_ago[2]{{1'000'000'000, 500}, {1'234'567'890, 123'456'789}};
        CHECK(::utimensat(AT_FDCWD, name.c_str(), long_ago, 0) == 0);
        struct ::stat known{};
        CHECK(::stat(name.c_str(), &known) == 0);

        const coir::file_status found = coir::status(folder / "link");
        CHECK((found.kind == coir::file_kind::regular));
        CHECK(found.mode == 04640);
        CHECK(found.size == 5);
        CHECK(found.links == 2);
        CHECK(found.inode == known.st_ino);
        CHECK(found.device == known.st_dev);
        CHECK(found.owner == ::getuid());
        CHECK(found.group == known.st_gid);
        CHECK(found.allocated == static_cast<std::uint64_t>(known.st_blocks) * 512);
        const auto modified = found.modified.time_since_epoch();
        CHECK(modified == std::chrono::seconds{1'234'567'890} + 123'456'789ns);
        CHECK(found.accessed.time_since_epoch() == std::chrono::seconds{1'000'000'000} + 500ns);
        CHECK(found.changed > found.modified);

        CHECK((coir::symlink_status(folder / "link").kind == coir::file_kind::symlink));
        CHECK(coir::symlink_status(folder / "link").size == name.size());
        CHECK((coir::status(folder.path()).kind == coir::file_kind::directory));
        CHECK((coir::status("/dev/null").kind == coir::file_kind::character_device));
    });
}

TEST_CASE("what has no status says so, with the path") {
    for_each_io([] {
        const temporary_folder folder;
        const std::string missing = folder / "missing";
        std::filesystem::create_symlink("nowhere", folder / "link");
        std::error_code error;
        static_cast<void>(coir::status(folder / "link", error));
        CHECK(error == std::errc::no_such_file_or_directory);
        static_cast<void>(coir::symlink_status(folder / "link", error));
        CHECK(!error);
        static_cast<void>(coir::status(std::string{"/\0x", 3}, error));
        CHECK(error == std::errc::invalid_argument);
        CHECK(text_of([&] {
                  static_cast<void>(coir::status(missing));
              }).find("status of " + missing) == 0);
        CHECK(error_of([&] { static_cast<void>(coir::symlink_status(missing)); }) ==
              std::errc::no_such_file_or_directory);
    });
}
