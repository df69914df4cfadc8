// SPDX-License-Identifier: MIT
// Covers tls_stream: what is verified, how streams end, both directions at once, and openssl(1).

#include "tls_fixture.hpp"

#include <optional>
#include <vector>

using namespace fixture;

namespace {

/// The error with which a client fails that meets this server; the server's own is ignored.
std::error_code client_error(const coir::tls_options& options,
                             const coir::tls_server_options& accepts,
                             const std::string& host = "localhost") {
    auto listener = coir::tcp_listener::bind("127.0.0.1", 0);
    auto server = coir::go([&] {
        std::error_code ignored;
        auto stream = coir::tls_stream::accept(listener.accept(), accepts, ignored);
    });
    auto over = coir::tcp_stream::connect(listener.local_endpoint());
    const std::error_code error = error_of(
        [&] { static_cast<void>(coir::tls_stream::connect(std::move(over), host, options)); });
    server.join();
    return error;
}

} // namespace

TEST_CASE("both ends talk, and each ends by its own word") {
    for_each_io([] {
        auto [client, server] = make_tls_pair();
        CHECK(client.version() == "TLSv1.3");
        CHECK(client.alpn().empty());
        client.write_all("question");
        client.shutdown_write();
        CHECK(read_all(server) == "question");
        server.write_all("answer");
        server.shutdown_write();
        CHECK(read_all(client) == "answer");
        CHECK(client.remote_endpoint() == server.local_endpoint());
    });
}

TEST_CASE("a stream that ends without its peer's word is truncated") {
    for_each_io([] {
        auto [client, server] = make_tls_pair();
        server.write_all("half of");
        server.close();
        std::string text(7, '\0');
        client.read_exactly(text);
        CHECK(text == "half of");
        CHECK(error_of([&] { client.read(text); }) == coir::errc::stream_truncated);
    });
}

TEST_CASE("who is not trusted, or is somebody else, is refused by default") {
    for_each_io([] {
        const certificates& files = known();
        const auto trusted = files.client();
        const coir::tls_server_options alien{.certificate_file = files.file("alien.pem"),
                                             .private_key_file = files.file("alien.key")};
        CHECK(client_error(trusted, files.server()) == std::error_code{});
        const std::error_code by_chain = client_error(trusted, alien);
        CHECK(by_chain.category() == coir::tls_category());
        CHECK(by_chain.message().find("certificate verify failed") != std::string::npos);
        CHECK(client_error({}, files.server()).category() == coir::tls_category());
        const std::error_code by_name = client_error(trusted, files.server(), "example.org");
        CHECK(by_name.message().find("ostname mismatch") != std::string::npos);
        CHECK(client_error(trusted, files.server(), "127.0.0.1") == std::error_code{});
        CHECK(client_error(trusted, files.server(), "127.0.0.2").category() ==
              coir::tls_category());
        CHECK(client_error({.verify = false}, alien, "example.org") == std::error_code{});
        auto renamed = trusted;
        renamed.server_name = "localhost";
        CHECK(client_error(renamed, files.server(), "example.org") == std::error_code{});
    });
}

TEST_CASE("the protocol is agreed on, by the server's preference") {
    for_each_io([] {
        auto offers = known().client();
        auto accepts = known().server();
        offers.alpn = {"http/1.1", "h2"};
        accepts.alpn = {"h2", "http/1.1"};
        auto [client, server] = make_tls_pair(offers, accepts);
        CHECK(client.alpn() == "h2");
        CHECK(server.alpn() == "h2");
        offers.alpn = {"gopher"};
        CHECK(client_error(offers, accepts).category() == coir::tls_category());
        offers.alpn = {""};
        CHECK(client_error(offers, accepts) == std::errc::invalid_argument);
    });
}

TEST_CASE("a server may demand a certificate of its clients") {
    for_each_io([] {
        auto demands = known().server();
        demands.client_ca_file = known().file("ca.pem");
        auto shows = known().client();
        shows.certificate_file = known().file("cert.pem");
        shows.private_key_file = known().file("key.pem");
        auto [client, server] = make_tls_pair(shows, demands);
        client.write_all("x");
        CHECK(read_one(server) == 'x');
        auto listener = coir::tcp_listener::bind("127.0.0.1", 0);
        auto refusing = coir::go([&] {
            return error_of(
                [&] { static_cast<void>(coir::tls_stream::accept(listener.accept(), demands)); });
        });
        std::error_code ignored; // in TLS 1.3 the client learns of it later
        auto bare = coir::tls_stream::connect("127.0.0.1", listener.local_endpoint().port(),
                                              as_localhost(known().client()), ignored);
        CHECK(refusing.join().category() == coir::tls_category());
    });
}

TEST_CASE("files that are missing or do not match are told") {
    for_each_io([] {
        auto missing = known().server();
        missing.certificate_file = "/no/such/file";
        auto [client, server] = make_tcp_pair();
        CHECK(error_of([&] {
                  static_cast<void>(coir::tls_stream::accept(std::move(server), missing));
              }) == std::errc::no_such_file_or_directory);
        auto mixed = known().server();
        mixed.private_key_file = known().file("ca.key");
        auto [other_client, other_server] = make_tcp_pair();
        CHECK(error_of([&] {
                  static_cast<void>(coir::tls_stream::accept(std::move(other_server), mixed));
              }).category() == coir::tls_category());
    });
}

TEST_CASE("a peer that speaks no TLS, hangs up or says nothing ends the handshake") {
    for_each_io([] {
        auto [noisy, first] = make_tcp_pair();
        noisy.write_all("GET / HTTP/1.0\r\n\r\n");
        CHECK(error_of([&] {
                  static_cast<void>(coir::tls_stream::accept(std::move(first), known().server()));
              }).category() == coir::tls_category());
        auto [brief, second] = make_tcp_pair();
        brief.close();
        CHECK(error_of([&] {
                  static_cast<void>(coir::tls_stream::accept(std::move(second), known().server()));
              }) == coir::errc::stream_truncated);
        auto [silent, third] = make_tcp_pair();
        CHECK_THROWS_AS(coir::with_timeout(20ms,
                                           [&] {
                                               static_cast<void>(coir::tls_stream::accept(
                                                   std::move(third), known().server()));
                                           }),
                        coir::timed_out);
    });
}

TEST_CASE("one writes while another reads, in both directions at once") {
    for_each_io([] {
        auto [client, server] = make_tls_pair();
        const std::string up = pattern(3'000'000);
        const std::string down = pattern(2'500'001);
        coir::task_group group;
        group.go([&] {
            client.write_all(up);
            client.shutdown_write();
        });
        group.go([&] {
            server.write_all(down);
            server.shutdown_write();
        });
        group.go([&] { CHECK(read_all(client) == down); });
        group.go([&] { CHECK(read_all(server) == up); });
        group.wait();
    });
}

TEST_CASE("parts go over as one text, in few records or in many") {
    for_each_io([] {
        auto [client, server] = make_tls_pair();
        const std::string large = pattern(50'000);
        auto reading = coir::go([&] { return read_all(server); });
        client.write_all({"head ", "", large, std::string(16'384, 'x'), " tail"});
        std::vector<coir::io::bytes> many(3'000, coir::io::bytes{"ab"});
        client.write_all(many);
        client.shutdown_write();
        std::string wanted = "head " + large + std::string(16'384, 'x') + " tail";
        for (std::size_t i = 0; i < many.size(); ++i) wanted += "ab";
        CHECK(reading.join() == wanted);
        server.write_all({"1", "2"});
        std::array<char, 1> one{};
        std::array<char, 1> other{};
        CHECK(client.read({std::span<char>{}, one, other}) == 1);
        CHECK(one[0] == '1');
    });
}

TEST_CASE("cancelled reads and writes lose no byte") {
    for_each_io([] {
        auto [client, server] = make_tls_pair();
        const std::string text = pattern(1'000'000);
        auto writer = coir::go([&] {
            std::size_t done = 0;
            while (done < text.size()) {
                try {
                    coir::with_timeout(100us, [&] {
                        while (done < text.size()) {
                            done += client.write(std::string_view{text}.substr(done));
                        }
                    });
                } catch (const coir::timed_out&) {}
            }
            client.shutdown_write();
        });
        std::string all;
        std::array<char, 3'000> memory{};
        for (bool ended = false; !ended;) {
            try {
                coir::with_timeout(100us, [&] {
                    while (const std::size_t size = server.read(memory)) {
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

TEST_CASE("on_readable means bytes that are decrypted, also such as have come before") {
    for_each_io([] {
        auto [client, server] = make_tls_pair();
        // The server's tickets have come, and are nothing to read.
        CHECK(coir::select(client.on_readable(), coir::on_timeout(20ms)) == 1);
        auto writer = coir::go([&server] { server.write_all("abc"); });
        CHECK(coir::select(client.on_readable(), coir::on_timeout(10s)) == 0);
        writer.join();
        CHECK(read_one(client) == 'a');
        CHECK(coir::select(client.on_readable(), coir::otherwise()) == 0);
        CHECK(read_one(client) == 'b');
        CHECK(read_one(client) == 'c');
        CHECK(coir::select(client.on_readable(), coir::otherwise()) == 1);
        CHECK(coir::select(client.on_writable(), coir::otherwise()) == 0);
        const coir::tls_stream closed;
        CHECK(error_of([&] { coir::select(closed.on_readable()); }) ==
              std::errc::bad_file_descriptor);
    });
}

TEST_CASE("close ends what is under way") {
    for_each_io([] {
        auto [client, server] = make_tls_pair();
        auto reading = coir::go([&client] { read_one(client); });
        for (int i = 0; i < 10; ++i) coir::yield();
        client.close();
        client.close();
        const std::error_code error = error_of([&] { reading.join(); });
        CHECK((error == std::errc::operation_canceled || error == std::errc::bad_file_descriptor));
        CHECK(error_of([&] { client.write_all("x"); }) == std::errc::bad_file_descriptor);
        coir::tls_stream nil;
        CHECK(error_of([&] { nil.write_all("x"); }) == std::errc::bad_file_descriptor);
        CHECK(!nil);
    });
}

TEST_CASE("openssl s_client is served") {
    for_each_io([] {
        auto listener = coir::tcp_listener::bind("127.0.0.1", 0);
        const std::string port = std::to_string(listener.local_endpoint().port());
        for (const std::string version : {"-tls1_3", "-tls1_2"}) {
            auto foreign = coir::go([&] {
                return coir::blocking([&] {
                    return shell("printf 'hello\\n' | openssl s_client -quiet -verify_return_error "
                                 "-no_ign_eof -verify_hostname localhost " +
                                 version + " -CAfile " + known().file("ca.pem") +
                                 " -connect 127.0.0.1:" + port + " 2>&1 >/dev/null; echo done");
                });
            });
            auto stream = coir::tls_stream::accept(listener.accept(), known().server());
            coir::buffered_reader in{stream};
            CHECK(in.read_line() == "hello");
            stream.write_all("bye\n");
            stream.shutdown_write();
            const std::string said = foreign.join();
            CHECK_MESSAGE(said.find("verify return:1") != std::string::npos, said);
        }
    });
}

TEST_CASE("openssl s_server is understood") {
    for_each_io([] {
        const std::uint16_t port = foreign_port();
        auto foreign = coir::go([port] { // it may outlive a test that fails
            return coir::blocking([&] {
                return shell("exec timeout 20 openssl s_server -naccept 1 -rev -cert " +
                             known().file("cert.pem") + " -key " + known().file("key.pem") +
                             " -alpn h2 -accept 127.0.0.1:" + std::to_string(port) +
                             " 2>&1 >/dev/null");
            });
        });
        auto options = known().client();
        options.alpn = {"h2"};
        coir::tls_stream stream;
        std::error_code error = std::make_error_code(std::errc::connection_refused);
        while (error == std::errc::connection_refused) {
            stream = coir::tls_stream::connect("127.0.0.1", port, options, error);
        }
        REQUIRE_MESSAGE(!error, error.message());
        CHECK(stream.alpn() == "h2");
        stream.write_all("reverse\n");
        coir::buffered_reader in{stream};
        CHECK(in.read_line() == "esrever");
        stream.shutdown_write();
        stream.close();
        static_cast<void>(foreign.join());
    });
}
