// SPDX-License-Identifier: MIT
// Covers files under hostile conditions: a full disk, a file that is cut while it is read, no
// descriptors left, cancellation in the middle.

#include "io_fixture.hpp"

#include <sys/mount.h>

using namespace fixture;
using coir::open_mode;

namespace {

/// A file system of one megabyte; without the right to mount one, none.
class tiny_disk {
public:
    tiny_disk() { mounted_ = ::mount("tmpfs", folder_.path().c_str(), "tmpfs", 0, "size=1m") == 0; }
    tiny_disk(const tiny_disk&) = delete;
    ~tiny_disk() {
        if (mounted_) ::umount2(folder_.path().c_str(), MNT_DETACH);
    }
    explicit operator bool() const { return mounted_; }
    std::string operator/(const std::string& name) const { return folder_ / name; }

private:
    temporary_folder folder_;
    bool mounted_;
};

} // namespace

TEST_CASE("a full disk is an error of the write, and what fitted is there") {
    const tiny_disk disk;
    if (!disk) return; // WARN would be no better: only root can mount
    const std::string data = pattern(3'000'000);
    for_each_io([&] {
        CHECK(error_of([&] { coir::write_file(disk / "f", data); }) ==
              std::errc::no_space_on_device);
        const std::string kept = coir::read_file(disk / "f");
        CHECK(kept.size() > 500'000);
        CHECK(kept.size() <= 1'048'576);
        CHECK(data.compare(0, kept.size(), kept) == 0);
        coir::remove_file(disk / "f");
        auto f = coir::file::open(disk / "g", open_mode::write | open_mode::create);
        std::error_code error;
        const std::size_t written = f.write_at(data, 0, error);
        CHECK(error == std::errc::no_space_on_device);
        CHECK(written == f.size());
        f.truncate(0);
        CHECK(f.write_at("room again", 0) == 10);
        f.close();
        coir::remove_file(disk / "g");
    });
}

TEST_CASE("a file that is cut while it is read ends early") {
    const temporary_folder folder;
    for_each_io([&] {
        coir::write_file(folder / "f", pattern(1'000'000));
        auto in = coir::file::open(folder / "f");
        std::string part(400'000, '\0');
        in.read_exactly(part);
        REQUIRE(::truncate((folder / "f").c_str(), 500'000) == 0);
        std::error_code error;
        CHECK(in.read_exactly(part, error) == 100'000);
        CHECK(error == coir::errc::end_of_stream);
        CHECK(in.read(part) == 0);
        std::atomic<bool> stop{false};
        auto cutter = coir::go([&] {
            auto f = coir::file::open(folder / "f", open_mode::write);
            for (int i = 0; !stop.load(); ++i) f.truncate(i % 2 == 0 ? 10'000 : 1'000'000);
        });
        for (int i = 0; i < 50; ++i) {
            const std::size_t size = coir::read_file(folder / "f").size();
            CHECK(size <= 1'000'000);
        }
        stop.store(true);
        cutter.join();
    });
}

TEST_CASE("without descriptors left opening fails, and works again afterwards") {
    const temporary_folder folder;
    for_each_io([&] {
        coir::write_file(folder / "f", "x");
        {
            const descriptor_limit none{0};
            CHECK(error_of([&] { std::ignore = coir::file::open(folder / "f"); }) ==
                  std::errc::too_many_files_open);
        }
        CHECK(coir::read_file(folder / "f") == "x");
    });
}

TEST_CASE("cancelled in the middle, files leak nothing and each part is whole") {
    const temporary_folder folder;
    for_each_io([&] {
        for (int i = 0; i < 50; ++i) {
            coir::task_group group;
            for (int member = 0; member < 4; ++member) {
                group.go([&, member] {
                    const std::string name = folder / std::to_string(member);
                    const std::string data(100'000, static_cast<char>('a' + member));
                    for (;;) {
                        coir::write_file(name, data);
                        const std::string back = coir::read_file(name);
                        if (back != data) throw std::runtime_error{"other bytes came back"};
                    }
                });
            }
            for (int turn = 0; turn < i; ++turn) coir::yield();
            group.request_stop();
            CHECK_THROWS_AS(group.wait(), coir::cancelled);
        }
    });
}
