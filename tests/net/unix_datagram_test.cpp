// SPDX-License-Identifier: MIT
// Covers datagrams over unix sockets: whole or not at all, names, full queues, and python3.

#include "net_fixture.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <optional>

using namespace fixture;
using namespace std::string_literals;
using coir::unix_datagram;

namespace {

bool exists(const std::string& path) { return std::filesystem::exists(path); }

/// What a process that crashed leaves behind.
void leave_dead_socket(const std::string& path) {
    const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    CHECK(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    ::close(fd);
    CHECK(exists(path));
}

/// How an operation ends that is under way, or about to begin in another thread.
bool is_closed(const std::error_code& error) {
    return error == std::errc::operation_canceled || error == std::errc::bad_file_descriptor;
}

/// Sends until one would have to wait; returns how many went.
int fill(unix_datagram& from, const std::string& to) {
    for (int sent = 0;; ++sent) {
        try {
            coir::with_timeout(20ms, [&] { from.send_to(std::to_string(sent), to); });
        } catch (const coir::timed_out&) {
            return sent;
        }
    }
}

} // namespace

TEST_CASE("datagrams arrive whole, with their senders' names, and are answered") {
    for_each_io([] {
        const temporary_folder folder;
        auto server = unix_datagram::bind(folder / "server");
        auto client = unix_datagram::bind(folder / "client");
        CHECK(server.path() == folder / "server");
        client.send_to("one", server.path());
        client.send_to("", server.path());
        client.send_to("three", server.path());
        std::array<char, 10> memory{};
        for (const std::string text : {"one", "", "three"}) {
            const auto [size, from] = server.receive_from(memory);
            CHECK(std::string(memory.data(), size) == text);
            CHECK(from == client.path());
            CHECK(server.send_to(text + "!", from) == text.size() + 1);
            CHECK(client.receive(memory) == text.size() + 1);
        }
    });
}

TEST_CASE("the kernel chooses a name for those who connect, so that they are answered") {
    for_each_io([] {
        auto server = unix_datagram::bind("\0coir-datagram-"s + std::to_string(::getpid()));
        auto client = unix_datagram::connect(server.path());
        CHECK(client.path().size() > 1);
        CHECK(client.path()[0] == '\0');
        CHECK(client.path() != unix_datagram::bind().path());
        client.send("question");
        std::array<char, 10> memory{};
        const auto [size, from] = server.receive_from(memory);
        CHECK(size == 8);
        CHECK(from == client.path());
        server.send_to("answer", from);
        CHECK(client.receive(memory) == 6);
        server.close();
        CHECK(error_of([&] { client.send("x"); }) == std::errc::connection_refused);
    });
}

TEST_CASE("a datagram that does not fit is message_size, never cut, and the next is whole") {
    for_each_io([] {
        auto server = unix_datagram::bind();
        auto client = unix_datagram::bind();
        client.send_to("far too long", server.path());
        client.send_to("fits", server.path());
        std::array<char, 4> memory{};
        std::error_code error;
        const auto [size, from] = server.receive_from(memory, error);
        CHECK(error == std::errc::message_size);
        CHECK(size == 0);
        CHECK(from == client.path());
        CHECK(server.receive(memory) == 4);
        CHECK(std::string(memory.data(), 4) == "fits");
        const std::string huge(50'000'000, 'x'); // more than any socket's buffer
        CHECK(error_of([&] { client.send_to(huge, server.path()); }) == std::errc::message_size);
        CHECK(text_of([&] { client.send_to("y", "/none"); }).starts_with("send_to /none: "));
    });
}

TEST_CASE("a full queue makes senders wait, connected or not, and nothing is lost or doubled") {
    for_each_io([] {
        for (const bool connected : {false, true}) {
            auto server = unix_datagram::bind();
            auto filler = unix_datagram::bind();
            const int sent = fill(filler, server.path());
            CHECK(sent > 0);
            auto sending = coir::go([&] {
                auto client =
                    connected ? unix_datagram::connect(server.path()) : unix_datagram::bind();
                for (int i = sent; i < sent + 20; ++i) {
                    const std::string text = std::to_string(i);
                    CHECK((connected ? client.send(text) : client.send_to(text, server.path())) ==
                          text.size());
                }
            });
            for (int turn = 0; turn < 20; ++turn) coir::yield();
            std::array<char, 20> memory{};
            for (int i = 0; i < sent + 20; ++i) {
                const std::size_t size = server.receive(memory);
                CHECK(std::string(memory.data(), size) == std::to_string(i));
            }
            sending.join();
        }
    });
}

TEST_CASE("close and cancellation end what waits: to send, connected or not, and to receive") {
    for_each_io([] {
        auto full = unix_datagram::bind();
        auto filler = unix_datagram::bind();
        fill(filler, full.path());
        for (const bool connected : {false, true}) {
            auto client = connected ? unix_datagram::connect(full.path()) : unix_datagram::bind();
            auto sending = coir::go([&] {
                return error_of([&] {
                    if (connected) {
                        client.send("x");
                    } else {
                        client.send_to("x", full.path());
                    }
                });
            });
            for (int turn = 0; turn < 20; ++turn) coir::yield();
            client.close();
            CHECK(is_closed(sending.join()));
        }
        auto idle = unix_datagram::bind();
        std::array<char, 4> memory{};
        CHECK_THROWS_AS(coir::with_timeout(1ms, [&] { idle.receive(memory); }), coir::timed_out);
        auto receiving = coir::go([&] { return error_of([&] { idle.receive(memory); }); });
        coir::yield();
        idle.close();
        CHECK(is_closed(receiving.join()));
        CHECK(error_of([&] { idle.send_to("x", full.path()); }) == std::errc::bad_file_descriptor);
        unix_datagram nil;
        CHECK(error_of([&] { nil.receive(memory); }) == std::errc::bad_file_descriptor);
        CHECK(error_of([&] { nil.send("x"); }) == std::errc::bad_file_descriptor);
    });
}

TEST_CASE("the file goes on close, unless it is somebody else's by then") {
    for_each_io([] {
        const temporary_folder folder;
        const std::string path = folder / "socket";
        std::optional<unix_datagram> first = unix_datagram::bind(path);
        CHECK(exists(path));
        CHECK(error_of([&] { std::ignore = unix_datagram::bind(path); }) ==
              std::errc::address_in_use);
        CHECK(error_of([&] { std::ignore = unix_datagram::bind(path, {.replace_stale = true}); }) ==
              std::errc::address_in_use); // it is alive
        unix_datagram second = std::move(*first);
        first.reset();
        CHECK(exists(path));
        second.close();
        CHECK(!exists(path));
        leave_dead_socket(path);
        CHECK(error_of([&] { std::ignore = unix_datagram::bind(path); }) ==
              std::errc::address_in_use);
        auto third = unix_datagram::bind(path, {.replace_stale = true});
        std::filesystem::remove(path);
        coir::write_file(path, "somebody else's");
        third.close();
        CHECK(exists(path));
        CHECK(text_of([&] {
                  std::ignore = unix_datagram::connect(folder / "none");
              }).find("connect " + folder / "none") == 0);
        CHECK(error_of([] { std::ignore = unix_datagram::bind(std::string(200, 'x')); }) ==
              std::errc::filename_too_long);
    });
}

TEST_CASE("a stream's live socket is not taken for a dead datagram socket, nor the reverse") {
    for_each_io([] {
        const temporary_folder folder;
        const auto listener = coir::unix_listener::bind(folder / "stream");
        const auto datagrams = unix_datagram::bind(folder / "datagrams");
        CHECK(error_of([&] {
                  std::ignore = unix_datagram::bind(folder / "stream", {.replace_stale = true});
              }) == std::errc::address_in_use);
        CHECK(error_of([&] {
                  std::ignore =
                      coir::unix_listener::bind(folder / "datagrams", {.replace_stale = true});
              }) == std::errc::address_in_use);
        CHECK(exists(folder / "stream"));
        CHECK(exists(folder / "datagrams"));
    });
}

TEST_CASE("datagrams stand in select") {
    for_each_io([] {
        auto server = unix_datagram::bind();
        auto client = unix_datagram::connect(server.path());
        CHECK(coir::select(server.on_readable(), coir::on_timeout(1ms)) == 1);
        client.send("x");
        CHECK(coir::select(server.on_readable(), coir::on_timeout(20s)) == 0);
        CHECK(coir::select(client.on_writable(), coir::on_timeout(20s)) == 0);
    });
}

TEST_CASE("python3 and we exchange datagrams") {
    for_each_io([] {
        const temporary_folder folder;
        auto server = unix_datagram::bind(folder / "server");
        auto foreign = coir::go([&] {
            return coir::blocking([&] {
                return shell("cd " + folder.path() + " && timeout 20 python3 -c \"\n" +
                             "import socket\n"
                             "s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
                             "s.bind('foreign')\n"
                             "s.sendto(b'question', 'server')\n"
                             "print(s.recv(100).decode(), end='')\n\"");
            });
        });
        std::array<char, 20> memory{};
        const auto [size, from] = server.receive_from(memory);
        CHECK(std::string(memory.data(), size) == "question");
        CHECK(from == "foreign"); // as its owner has given it
        server.send_to("answer", folder / from);
        CHECK(foreign.join() == "answer");
    });
}
