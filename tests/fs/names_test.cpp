// SPDX-License-Identifier: MIT
// Covers what is done to files and folders by name.

#include "io_fixture.hpp"

#include <filesystem>
#include <string>
#include <string_view>

using namespace fixture;

TEST_CASE("names are changed and removed, folders made and removed") {
    for_each_io([] {
        const temporary_folder folder;
        coir::make_directory(folder / "d");
        CHECK(std::filesystem::is_directory(folder / "d"));
        coir::write_file(folder / "d/a", "a");
        coir::write_file(folder / "b", "b");
        coir::rename_file(folder / "d/a", folder / "b"); // replaces
        CHECK(coir::read_file(folder / "b") == "a");
        CHECK(!std::filesystem::exists(folder / "d/a"));
        coir::remove_file(folder / "b");
        CHECK(!std::filesystem::exists(folder / "b"));
        coir::remove_directory(folder / "d");
        CHECK(!std::filesystem::exists(folder / "d"));
    });
}

TEST_CASE("a name is a path, a string, a view or a literal, and becomes a path again") {
    for_each_io([] {
        const temporary_folder folder;
        const std::filesystem::path path = folder / "file";
        const std::string string = path;
        const std::string_view view = string;
        coir::write_file(path, "x");
        CHECK(coir::read_file(string) == "x");
        CHECK(coir::read_file(view) == "x");
        CHECK(coir::read_file(string.c_str()) == "x");
        CHECK(coir::read_file("/dev/null").empty());
        const coir::file opened = coir::file::open(path);
        CHECK(std::filesystem::path{opened.path()} == path);
        CHECK(std::filesystem::exists(opened.path()));
        CHECK(opened.path() == string);
        CHECK(opened.path() == path);
        CHECK(opened.path() != coir::io::path{"file"});
        CHECK(coir::io::path{}.empty());
    });
}

TEST_CASE("what cannot be done to a name says so, with the name") {
    for_each_io([] {
        const temporary_folder folder;
        const std::string missing = folder / "missing";
        const auto absent = std::errc::no_such_file_or_directory;
        CHECK(error_of([&] { coir::remove_file(missing); }) == absent);
        CHECK(error_of([&] { coir::remove_directory(missing); }) == absent);
        CHECK(error_of([&] { coir::rename_file(missing, folder / "x"); }) == absent);
        CHECK(error_of([&] { coir::make_directory(folder.path()); }) == std::errc::file_exists);
        CHECK(error_of([&] { coir::remove_file(folder.path()); }) == std::errc::is_a_directory);
        coir::write_file(folder / "f", "");
        CHECK(error_of([&] { coir::remove_directory(folder.path()); }) ==
              std::errc::directory_not_empty);
        CHECK(text_of([&] { coir::remove_file(missing); }).find("remove " + missing) == 0);
        CHECK(text_of([&] {
                  coir::rename_file(missing, "x");
              }).find("rename " + missing + " to x") == 0);
        std::error_code error;
        coir::remove_file(missing, error);
        CHECK(error == absent);
        coir::make_directory(folder / "d", error);
        CHECK(!error);
    });
}
