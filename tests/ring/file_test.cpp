// SPDX-License-Identifier: MIT
#include "ring/poller_fixture.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>

namespace {

using namespace coir::detail;
using namespace coir::detail::testing;
using coir::io_backend;

class temporary_folder {
public:
    temporary_folder() {
        std::string name = (std::filesystem::temp_directory_path() / "coir-ring-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    temporary_folder(const temporary_folder&) = delete;
    ~temporary_folder() { std::filesystem::remove_all(path_); }
    [[nodiscard]] std::string operator/(const char* name) const { return path_ / name; }

private:
    std::filesystem::path path_;
};

TEST_CASE("files: written, read, measured, renamed and removed") {
    on_both_backends([](poller& poller) {
        const temporary_folder folder;
        const std::string path = folder / "file";
        const int fd = complete(
            poller, request::openat(AT_FDCWD, path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
        REQUIRE(fd >= 0);
        CHECK(complete(poller, request::write(fd, "hello world", 11, 0)) == 11);
        CHECK(complete(poller, request::write(fd, "W", 1, 6)) == 1);
        CHECK(complete(poller, request::fsync(fd)) == 0);
        CHECK(complete(poller, request::fsync(fd, true)) == 0);
        std::array<char, 32> buffer{};
        CHECK(complete(poller, request::read(fd, buffer.data(), 5, 6)) == 5);
        CHECK(std::string(buffer.data(), 5) == "World");
        CHECK(complete(poller, request::read(fd, buffer.data(), 5, 11)) == 0);
        // At the file's own position.
        CHECK(complete(poller, request::read(fd, buffer.data(), 5)) == 5);
        CHECK(complete(poller, request::read(fd, buffer.data() + 5, 6)) == 6);
        CHECK(std::string(buffer.data(), 11) == "hello World");
        CHECK(complete(poller, request::poll(fd, POLLIN)) == POLLIN);

        struct ::statx status{};
        CHECK(complete(poller, request::statx(AT_FDCWD, path.c_str(), 0, STATX_SIZE, &status)) ==
              0);
        CHECK(status.stx_size == 11);
        const std::string sub = folder / "sub";
        const std::string moved = folder / "sub/moved";
        CHECK(complete(poller, request::mkdirat(AT_FDCWD, sub.c_str(), 0700)) == 0);
        CHECK(complete(poller, request::mkdirat(AT_FDCWD, sub.c_str(), 0700)) == -EEXIST);
        CHECK(complete(poller,
                       request::renameat(AT_FDCWD, path.c_str(), AT_FDCWD, moved.c_str())) == 0);
        CHECK(complete(poller, request::unlinkat(AT_FDCWD, path.c_str(), 0)) == -ENOENT);
        CHECK(complete(poller, request::unlinkat(AT_FDCWD, moved.c_str(), 0)) == 0);
        CHECK(complete(poller, request::unlinkat(AT_FDCWD, sub.c_str(), AT_REMOVEDIR)) == 0);
        CHECK(complete(poller, request::close(fd)) == 0);
        CHECK(::fcntl(fd, F_GETFD) == -1);
        CHECK(complete(poller, request::openat(AT_FDCWD, path.c_str(), O_RDONLY, 0)) == -ENOENT);
    });
}

TEST_CASE("files: many operations at once, each with its own result") {
    on_both_backends([](poller& poller) {
        const temporary_folder folder;
        const std::string path = folder / "file";
        const descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
        constexpr std::size_t blocks = 500;
        constexpr std::size_t block_bytes = 4096;
        std::vector<std::string> data;
        std::vector<operation> operations(blocks);
        for (std::size_t i = 0; i < blocks; ++i) {
            data.emplace_back(block_bytes, static_cast<char>('a' + i % 26));
            poller.submit(operations[i],
                          request::write(file.get(), data[i].data(), block_bytes, i * block_bytes));
        }
        wait_until(poller, [&] { return poller.in_flight() == 0; });
        for (auto& each : operations) {
            CHECK(each.result == block_bytes);
            each.completions = 0;
        }
        // From the disk, as far as the file system lets go of its cache.
        CHECK(complete(poller, request::fsync(file.get())) == 0);
        ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
        std::vector<std::string> read(blocks, std::string(block_bytes, 0));
        std::vector<std::size_t> filled(blocks, 0);
        for (std::size_t i = 0; i < blocks; ++i) {
            while (filled[i] < block_bytes) { // a file may be read in part
                const int count = complete(
                    poller, request::read(file.get(), read[i].data() + filled[i],
                                          block_bytes - filled[i], i * block_bytes + filled[i]));
                REQUIRE(count > 0);
                filled[i] += static_cast<std::size_t>(count);
            }
        }
        CHECK(read == data);
    });
}

TEST_CASE("files: cancelled operations complete once each") {
    on_both_backends([](poller& poller) {
        std::vector<operation> operations(200);
        std::vector<struct ::statx> status(operations.size());
        for (std::size_t i = 0; i < operations.size(); ++i) {
            poller.submit(operations[i],
                          request::statx(AT_FDCWD, "/", 0, STATX_BASIC_STATS, &status[i]));
        }
        for (auto& each : operations) poller.cancel(each);
        wait_until(poller, [&] { return poller.in_flight() == 0; });
        for (auto& each : operations) {
            CHECK(each.completions == 1);
            const bool expected = each.result == 0 || each.result == -ECANCELED;
            CHECK(expected);
        }
    });
}

TEST_CASE("files: /dev/null and /dev/zero") {
    on_both_backends([](poller& poller) {
        const descriptor null(::open("/dev/null", O_RDWR | O_CLOEXEC));
        const descriptor zero(::open("/dev/zero", O_RDONLY | O_CLOEXEC));
        char byte = 'x';
        CHECK(complete(poller, request::write(null.get(), "abc", 3)) == 3);
        CHECK(complete(poller, request::read(null.get(), &byte, 1)) == 0);
        CHECK(complete(poller, request::read(zero.get(), &byte, 1)) == 1);
        CHECK(byte == 0);
    });
}

#if !COIR_TSAN // it forbids threads in a child of a process that had some
TEST_CASE("files: a forked child gets a pool of its own") {
    const auto parent = make_poller(io_backend::epoll);
    CHECK(complete(*parent, request::mkdirat(AT_FDCWD, "/", 0700)) == -EEXIST);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        ::alarm(20);
        const auto made = make_poller(io_backend::epoll);
        operation one;
        made->submit(one, request::mkdirat(AT_FDCWD, "/", 0700));
        while (!one.done()) made->wait(monotonic_ns() + one_second_ns);
        ::_exit(one.result == -EEXIST ? 0 : 1);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
}
#endif

} // namespace
