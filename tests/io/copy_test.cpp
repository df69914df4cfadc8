// SPDX-License-Identifier: MIT
// Covers copy between streams of different kinds.

#include "io_fixture.hpp"

using namespace fixture;

TEST_CASE("copy moves everything from a file to a socket, and back") {
    for_each_io([] {
        const temporary_folder folder;
        const std::string content = pattern(3'000'001);
        coir::write_file(folder / "from", content);
        auto listener = coir::tcp_listener::bind("127.0.0.1", 0);
        auto sender = coir::go([&] {
            auto from = coir::file::open(folder / "from");
            auto to = coir::tcp_stream::connect(listener.local_endpoint());
            const auto moved = coir::copy(from, to);
            to.shutdown_write();
            return moved;
        });
        auto from = listener.accept();
        auto to = coir::file::open(folder / "to", coir::open_mode::write | coir::open_mode::create);
        CHECK(coir::copy(from, to) == content.size());
        CHECK(sender.join() == content.size());
        CHECK(coir::read_file(folder / "to") == content);
        CHECK(from.is_open());
        CHECK(to.is_open());
    });
}

TEST_CASE("copy of nothing is nothing, and its errors tell the address") {
    for_each_io([] {
        auto listener = coir::tcp_listener::bind("127.0.0.1", 0);
        auto client = coir::tcp_stream::connect(listener.local_endpoint());
        auto server = listener.accept();
        client.shutdown_write();
        coir::tcp_stream closed;
        CHECK(coir::copy(server, closed) == 0);
        server.write_all("x");
        std::error_code error;
        CHECK(coir::copy(client, closed, error) == 0);
        CHECK(error == std::errc::bad_file_descriptor);
        server.write_all("x");
        CHECK(error_of([&] { coir::copy(client, closed); }) == std::errc::bad_file_descriptor);
        const std::string peer = client.remote_endpoint().to_string();
        client.close();
        CHECK(error_of([&] { coir::copy(client, server); }) == std::errc::bad_file_descriptor);
        CHECK(text_of([&] { coir::copy(client, server); }).find(peer) != std::string::npos);
    });
}

TEST_CASE("copy begins with what a buffered reader holds") {
    for_each_io([] {
        auto listener = coir::tcp_listener::bind("127.0.0.1", 0);
        auto client = coir::tcp_stream::connect(listener.local_endpoint());
        auto server = listener.accept();
        client.write_all("header\nbody");
        client.shutdown_write();
        coir::buffered_reader in{server};
        CHECK(in.read_line() == "header");
        const temporary_folder folder;
        auto to = coir::file::open(folder / "to", coir::open_mode::write | coir::open_mode::create);
        CHECK(coir::copy(in, to) == 4);
        CHECK(coir::read_file(folder / "to") == "body");
    });
}
