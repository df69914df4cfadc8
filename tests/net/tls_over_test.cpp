// SPDX-License-Identifier: MIT
// Covers TLS over streams other than TCP: unix sockets, TLS itself, pipes, the simulated network.

#include "tls_fixture.hpp"

#include <coir/testing.hpp>

#include <optional>

using namespace fixture;

namespace {

/// Shakes hands over both ends of a connection.
template <class Stream> tls_pair secured(Stream client, Stream server) {
    auto accepted = coir::go([over = std::move(server)]() mutable {
        return coir::tls_stream::accept(std::move(over), known().server());
    });
    auto secure = coir::tls_stream::connect(std::move(client), "localhost", known().client());
    return {std::move(secure), accepted.join()};
}

/// The two ways of a connection over pipes: a stream that is none of coir's.
struct pipe_stream {
    coir::pipe_reader reader;
    coir::pipe_writer writer;

    std::size_t read(coir::io::buffer into, std::error_code& error) {
        return reader.read(into, error);
    }
    std::size_t write(coir::io::bytes data, std::error_code& error) {
        return writer.write(data, error);
    }
    void close() noexcept {
        reader.close();
        writer.close();
    }
};

tls_pair make_pair_over_pipes() {
    auto [there, up] = coir::pipe();
    auto [here, down] = coir::pipe();
    return secured(pipe_stream{std::move(here), std::move(up)},
                   pipe_stream{std::move(there), std::move(down)});
}

tls_pair make_pair_over_unix() {
    const temporary_folder folder;
    auto listener = coir::unix_listener::bind(folder / "socket");
    auto client = coir::unix_stream::connect(folder / "socket");
    return secured(std::move(client), listener.accept());
}

tls_pair make_pair_over_tls() {
    auto [client, server] = make_tls_pair();
    return secured(std::move(client), std::move(server));
}

/// Much in both directions at once, and the end of each.
void exchange(tls_pair& ends) {
    const std::string up = pattern(700'000);
    const std::string down = pattern(600'001);
    coir::task_group group;
    group.go([&] {
        ends.client.write_all(up);
        ends.client.shutdown_write();
    });
    group.go([&] {
        ends.server.write_all(down);
        ends.server.shutdown_write();
    });
    group.go([&] { CHECK(read_all(ends.client) == down); });
    group.go([&] { CHECK(read_all(ends.server) == up); });
    group.wait();
}

void talk_by_select(tls_pair& ends) {
    auto& [client, server] = ends;
    // The server's tickets have come, and are nothing to read.
    CHECK(coir::select(client.on_readable(), coir::on_timeout(20ms)) == 1);
    auto writer = coir::go([&ends] { ends.server.write_all("ab"); });
    CHECK(coir::select(client.on_readable(), coir::on_timeout(10s)) == 0);
    writer.join();
    CHECK(read_one(client) == 'a');
    CHECK(coir::select(client.on_readable(), coir::otherwise()) == 0);
    CHECK(read_one(client) == 'b');
    CHECK(coir::select(client.on_readable(), coir::otherwise()) == 1);
    CHECK(coir::select(server.on_writable(), coir::otherwise()) == 0);
}

void close_under_way(tls_pair& ends) {
    auto reading = coir::go([&ends] { read_one(ends.client); });
    for (int i = 0; i < 10; ++i) coir::yield();
    CHECK(ends.client.is_open());
    ends.client.close();
    CHECK(!ends.client.is_open());
    const std::error_code error = error_of([&] { reading.join(); });
    CHECK((error == std::errc::operation_canceled || error == std::errc::bad_file_descriptor));
    CHECK(error_of([&] { ends.client.write_all("x"); }) == std::errc::bad_file_descriptor);
    // A socket that is closed with tickets unread resets its peer.
    const std::error_code cut = error_of([&] { read_one(ends.server); });
    CHECK((cut == coir::errc::stream_truncated || cut == std::errc::connection_reset));
}

} // namespace

TEST_CASE("TLS goes over unix sockets") {
    for_each_io([] {
        tls_pair ends = make_pair_over_unix();
        CHECK(ends.client.version() == "TLSv1.3");
        CHECK(ends.client.native_handle() >= 0);
        CHECK(error_of([&] { ends.client.set_no_delay(true); }) ==
              std::errc::operation_not_supported);
        talk_by_select(ends);
        exchange(ends);
        tls_pair others = make_pair_over_unix();
        close_under_way(others);
    });
}

TEST_CASE("TLS goes through TLS") {
    for_each_io([] {
        tls_pair ends = make_pair_over_tls();
        CHECK(ends.client.remote_endpoint() == ends.server.local_endpoint());
        ends.client.set_no_delay(true);
        talk_by_select(ends);
        exchange(ends);
        tls_pair others = make_pair_over_tls();
        close_under_way(others);
    });
}

TEST_CASE("a select sees records that the outer TLS has decrypted before") {
    for_each_io([] {
        auto [outer_client, outer_server] = make_tls_pair();
        tls_pair ends = secured(std::move(outer_client), std::move(outer_server));
        // Two records of the inner stream come in one of the outer: the descriptor tells of them
        // once.
        auto writer = coir::go([&ends] {
            for (int i = 0; i < 50; ++i) ends.server.write_all("x");
        });
        int seen = 0;
        while (seen < 50 && coir::select(ends.client.on_readable(), coir::on_timeout(10s)) == 0) {
            seen += read_one(ends.client) == 'x' ? 1 : 100;
        }
        CHECK(seen == 50);
        writer.join();
    });
}

TEST_CASE("TLS goes over streams that are not coir's") {
    for_each_io([] {
        tls_pair ends = make_pair_over_pipes();
        CHECK(ends.client.native_handle() == -1);
        CHECK(error_of([&] { static_cast<void>(ends.client.remote_endpoint()); }) ==
              std::errc::operation_not_supported);
        CHECK(error_of([&] { coir::select(ends.client.on_readable()); }) ==
              std::errc::operation_not_supported);
        CHECK(error_of([&] { coir::select(ends.client.on_writable()); }) ==
              std::errc::operation_not_supported);
        exchange(ends);
        tls_pair others = make_pair_over_pipes();
        close_under_way(others);
    });
}

TEST_CASE("cancelled operations lose no byte over streams that are not coir's") {
    for_each_io([] {
        tls_pair ends = make_pair_over_pipes();
        const std::string text = pattern(300'000);
        auto writer = coir::go([&] {
            ends.client.write_all(text);
            ends.client.shutdown_write();
        });
        std::string all;
        std::array<char, 3'000> memory{};
        for (bool ended = false; !ended;) {
            try {
                coir::with_timeout(100us, [&] {
                    while (const std::size_t size = ends.server.read(memory)) {
                        all.append(memory.data(), size);
                    }
                    ended = true;
                });
            } catch (const coir::timed_out&) {}
        }
        writer.join();
        CHECK(all == text);
    });
}

TEST_CASE("who is not trusted is refused over any stream") {
    for_each_io([] {
        auto [there, up] = coir::pipe();
        auto [here, down] = coir::pipe();
        auto refused = coir::go([over = pipe_stream{std::move(there), std::move(down)}]() mutable {
            std::error_code ignored;
            auto stream = coir::tls_stream::accept(
                std::move(over), coir::tls_context::server(known().server()), ignored);
        });
        const std::error_code error = error_of([&] {
            static_cast<void>(coir::tls_stream::connect(
                pipe_stream{std::move(here), std::move(up)}, "example.org",
                coir::tls_context::client(known().client())));
        });
        CHECK(error.message().find("ostname mismatch") != std::string::npos);
        refused.join();
    });
}

TEST_CASE("TLS goes over the simulated network, selects too") {
    const auto& files = known();
    coir::testing::simulate({.seed = 7}, [&] {
        auto listener = coir::tcp_listener::bind("", 443);
        auto accepted =
            coir::go([&] { return coir::tls_stream::accept(listener.accept(), files.server()); });
        auto client = coir::tls_stream::connect("localhost", 443, files.client());
        tls_pair ends{std::move(client), accepted.join()};
        talk_by_select(ends);
        tls_pair inner = secured(std::move(ends.client), std::move(ends.server));
        talk_by_select(inner);
        inner.client.write_all("question");
        inner.client.shutdown_write();
        CHECK(read_all(inner.server) == "question");
    });
}

TEST_CASE("openssl s_client is served over a unix socket") {
    for_each_io([] {
        const temporary_folder folder;
        auto listener = coir::unix_listener::bind(folder / "socket");
        auto foreign = coir::go([&] {
            return coir::blocking([&] {
                return shell("printf 'hello\\n' | openssl s_client -quiet -verify_return_error "
                             "-verify_hostname localhost -CAfile " +
                             known().file("ca.pem") + " -unix " + (folder / "socket") +
                             " 2>&1; echo done");
            });
        });
        auto stream = coir::tls_stream::accept(listener.accept(), known().server());
        coir::buffered_reader in{stream};
        CHECK(in.read_line() == "hello");
        stream.write_all("bye\n");
        stream.shutdown_write();
        const std::string said = foreign.join();
        CHECK_MESSAGE(said.find("verify return:1") != std::string::npos, said);
        CHECK_MESSAGE(said.find("bye") != std::string::npos, said);
    });
}
