// SPDX-License-Identifier: MIT
// Covers unix sockets: paths and their files, abstract names, descriptors on their way.

#include "net_fixture.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

using namespace fixture;

namespace {

bool exists(const std::string& path) { return std::filesystem::exists(path); }

/// What a process that crashed leaves behind.
void leave_dead_socket(const std::string& path) {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    CHECK(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    CHECK(::listen(fd, 1) == 0);
    ::close(fd);
    CHECK(exists(path));
}

struct unix_pair {
    coir::unix_stream client;
    coir::unix_stream server;
};

unix_pair make_unix_pair() {
    using namespace std::string_literals;
    static std::atomic<int> number{0};
    auto listener = coir::unix_listener::bind("\0coir-test-"s + std::to_string(::getpid()) + "-" +
                                              std::to_string(number.fetch_add(1)));
    auto client = coir::unix_stream::connect(listener.path());
    return {std::move(client), listener.accept()};
}

} // namespace

TEST_CASE("streams talk by way of a path, which is gone after close") {
    for_each_io([] {
        const temporary_folder folder;
        auto listener = coir::unix_listener::bind(folder / "socket");
        CHECK(exists(folder / "socket"));
        auto client = coir::unix_stream::connect(folder / "socket");
        auto server = listener.accept();
        client.write_all("question");
        std::string memory(8, '\0');
        server.read_exactly(memory);
        CHECK(memory == "question");
        server.shutdown_write();
        CHECK(client.read(memory) == 0);
        listener.close();
        CHECK(!exists(folder / "socket"));
        CHECK(listener.path() == folder / "socket");
    });
}

TEST_CASE("the file goes with the handle, and follows it when that moves") {
    for_each_io([] {
        const temporary_folder folder;
        {
            auto first = coir::unix_listener::bind(folder / "a");
            coir::unix_listener second = std::move(first);
            first.close();
            CHECK(exists(folder / "a"));
            second = coir::unix_listener::bind(folder / "b");
            CHECK(!exists(folder / "a"));
            CHECK(exists(folder / "b"));
        }
        CHECK(!exists(folder / "b"));
    });
}

TEST_CASE("a file that has taken the socket's place is left alone") {
    for_each_io([] {
        const temporary_folder folder;
        auto listener = coir::unix_listener::bind(folder / "socket");
        coir::remove_file(folder / "socket");
        coir::write_file(folder / "socket", "mine");
        listener.close();
        CHECK(coir::read_file(folder / "socket") == "mine");
    });
}

TEST_CASE("an existing file is address_in_use, whatever it is") {
    for_each_io([] {
        const temporary_folder folder;
        const auto bind = [&](const coir::unix_listen_options& options) {
            return error_of(
                [&] { static_cast<void>(coir::unix_listener::bind(folder / "x", options)); });
        };
        leave_dead_socket(folder / "x");
        CHECK(bind({}) == std::errc::address_in_use);
        CHECK(exists(folder / "x"));
        coir::remove_file(folder / "x");
        coir::write_file(folder / "x", "precious");
        CHECK(bind({}) == std::errc::address_in_use);
        CHECK(bind({.replace_stale = true}) == std::errc::address_in_use);
        CHECK(coir::read_file(folder / "x") == "precious");
        coir::remove_file(folder / "x");
        auto alive = coir::unix_listener::bind(folder / "x");
        CHECK(bind({.replace_stale = true}) == std::errc::address_in_use);
        auto client = coir::unix_stream::connect(folder / "x");
        CHECK(alive.accept().is_open()); // the probe, which found somebody
        CHECK(alive.accept().is_open());
    });
}

TEST_CASE("replace_stale takes over a dead socket, and of many at once one does") {
    for_each_io([] {
        const temporary_folder folder;
        leave_dead_socket(folder / "x");
        std::atomic<int> winners{0};
        coir::latch all_tried{8};
        coir::task_group group;
        for (int i = 0; i < 8; ++i) {
            group.go([&] {
                std::error_code error;
                auto listener =
                    coir::unix_listener::bind(folder / "x", {.replace_stale = true}, error);
                if (!error) winners.fetch_add(1);
                if (error) CHECK(error == std::errc::address_in_use);
                all_tried.arrive_and_wait();
            });
        }
        group.wait();
        CHECK(winners == 1);
        CHECK(!exists(folder / "x"));
    });
}

TEST_CASE("an abstract name needs no file") {
    for_each_io([] {
        auto [client, server] = make_unix_pair();
        client.write_all("abstract");
        std::string memory(8, '\0');
        server.read_exactly(memory);
        CHECK(memory == "abstract");
    });
}

TEST_CASE("paths that cannot be are refused, with the path in the text") {
    for_each_io([] {
        const auto connect = [](const std::string& path) {
            return error_of([&] { static_cast<void>(coir::unix_stream::connect(path)); });
        };
        CHECK(connect("") == std::errc::invalid_argument);
        CHECK(connect(std::string("a\0b", 3)) == std::errc::invalid_argument);
        CHECK(connect(std::string(108, 'x')) == std::errc::filename_too_long);
        CHECK(connect("/no/such/socket") == std::errc::no_such_file_or_directory);
        CHECK(text_of([] {
                  static_cast<void>(coir::unix_stream::connect("/no/such/socket"));
              }).starts_with("connect /no/such/socket"));
        const temporary_folder folder;
        leave_dead_socket(folder / "dead");
        CHECK(connect(folder / "dead") == std::errc::connection_refused);
    });
}

TEST_CASE("a descriptor travels, and means the same open file") {
    for_each_io([] {
        auto [client, server] = make_unix_pair();
        const temporary_folder folder;
        coir::write_file(folder / "f", "content");
        auto file = coir::file::open(folder / "f");
        client.send_descriptor(file.native_handle());
        client.write_all("after");
        const int fd = server.receive_descriptor();
        CHECK(fd != file.native_handle());
        CHECK((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
        std::array<char, 16> memory{};
        CHECK(::read(fd, memory.data(), memory.size()) == 7);
        ::close(fd);
        std::string text(5, '\0');
        server.read_exactly(text);
        CHECK(text == "after");
        CHECK(file.is_open());
    });
}

TEST_CASE("no descriptor is an error, the end of the stream another") {
    for_each_io([] {
        auto [client, server] = make_unix_pair();
        client.write_all("ab");
        CHECK(error_of([&] { static_cast<void>(server.receive_descriptor()); }) ==
              std::errc::bad_message);
        CHECK(read_one(server) == 'b');
        client.close();
        CHECK(error_of([&] { static_cast<void>(server.receive_descriptor()); }) ==
              coir::errc::end_of_stream);
        CHECK(error_of([&] { server.send_descriptor(1); }) == std::errc::broken_pipe);
        CHECK(error_of([&] { client.send_descriptor(1); }) == std::errc::bad_file_descriptor);
    });
}

TEST_CASE("unix sockets stand in select") {
    for_each_io([] {
        const temporary_folder folder;
        auto listener = coir::unix_listener::bind(folder / "socket");
        const coir::chan<int> never;
        auto connecting = coir::go([&] { return coir::unix_stream::connect(folder / "socket"); });
        coir::unix_stream server;
        const auto keep = [&](coir::unix_stream stream) { server = std::move(stream); };
        CHECK(coir::select(never.on_recv(), listener.on_accept(keep)) == 1);
        auto client = connecting.join();
        CHECK(coir::select(server.on_readable(), coir::otherwise()) == 1);
        client.write_all("x");
        CHECK(coir::select(server.on_readable(), never.on_recv()) == 0);
        CHECK(coir::select(server.on_writable(), never.on_recv()) == 0);
        auto closing = coir::go([&] { listener.close(); });
        const std::error_code error = error_of([&] { coir::select(listener.on_accept(keep)); });
        CHECK((error == std::errc::operation_canceled || error == std::errc::bad_file_descriptor));
        closing.join();
    });
}

TEST_CASE("connect waits while the listener's queue is full") {
    for_each_io([] {
        const temporary_folder folder;
        auto listener = coir::unix_listener::bind(folder / "socket", {.backlog = 1});
        constexpr int clients = 10;
        std::vector<coir::task<coir::unix_stream>> connecting;
        for (int i = 0; i < clients; ++i) {
            connecting.push_back(
                coir::go([&] { return coir::unix_stream::connect(folder / "socket"); }));
        }
        for (int i = 0; i < 50; ++i) coir::yield();
        std::vector<coir::unix_stream> accepted;
        for (int i = 0; i < clients; ++i) accepted.push_back(listener.accept());
        for (auto& one : connecting) CHECK(one.join().is_open());
    });
}

TEST_CASE("socat talks to a listener, and we to socat") {
    for_each_io([] {
        const temporary_folder folder;
        auto listener = coir::unix_listener::bind(folder / "socket");
        auto foreign = coir::go([&] {
            return coir::blocking([&] {
                return shell("printf hello | socat -t 10 - UNIX-CONNECT:" + (folder / "socket"));
            });
        });
        auto stream = listener.accept();
        std::string text(5, '\0');
        stream.read_exactly(text);
        CHECK(text == "hello");
        stream.write_all("world");
        stream.close();
        CHECK(foreign.join() == "world");
    });
}
