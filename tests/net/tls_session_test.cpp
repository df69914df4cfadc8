// SPDX-License-Identifier: MIT
// Covers tls_context: what connections share, and that sessions are resumed, by openssl(1) too.

#include "tls_fixture.hpp"

using namespace fixture;
using coir::tls_context;
using coir::tls_stream;

namespace {

/// A server that answers one line per connection and then hangs up, politely or not.
class answering_server {
public:
    explicit answering_server(const tls_context& context, bool polite = true)
        : serving_{coir::go([this, context, polite] {
              for (;;) {
                  std::error_code refused; // by a client that wants somebody else
                  auto stream = tls_stream::accept(listener_.accept(), context, refused);
                  if (!refused) answer(std::move(stream), polite);
              }
          })} {}
    answering_server(const answering_server&) = delete;
    ~answering_server() {
        serving_.request_stop();
        CHECK_THROWS_AS(serving_.join(), coir::task_cancelled);
    }

    std::uint16_t port() const { return listener_.local_endpoint().port(); }

private:
    static void answer(tls_stream stream, bool polite) {
        coir::buffered_reader in{stream};
        const auto question = in.read_line();
        stream.write_all(question.value_or("?") + (stream.resumed() ? ": again\n" : ": new\n"));
        if (polite) stream.shutdown_write();
    }

    coir::tcp_listener listener_ = coir::tcp_listener::bind("127.0.0.1", 0);
    coir::task<void> serving_;
};

/// What the server says of a connection; whether the client thinks the same.
std::string ask(std::uint16_t port, const tls_context& context,
                const std::string& name = "localhost") {
    auto stream = tls_stream::connect(coir::tcp_stream::connect("127.0.0.1", port), name, context);
    stream.write_all("session\n");
    coir::buffered_reader in{stream};
    const std::string answer = in.read_line().value_or("nothing");
    CHECK((answer == "session: again") == stream.resumed());
    return answer;
}

tls_context client_context() { return tls_context::client(known().client()); }
tls_context server_context() { return tls_context::server(known().server()); }

/// Runs `openssl s_server` for so many connections and `body` with its port; returns what it said.
template <class Body>
std::string with_openssl_server(const std::string& arguments, int connections, Body body) {
    const std::uint16_t port = foreign_port();
    auto foreign = coir::go([arguments, connections, port] { // it may outlive a body that throws
        return coir::blocking([&] {
            return shell("exec timeout 20 openssl s_server -rev -cert " + known().file("cert.pem") +
                         " -key " + known().file("key.pem") + " -naccept " +
                         std::to_string(connections + 1) +
                         " -accept 127.0.0.1:" + std::to_string(port) + " " + arguments + " 2>&1");
        });
    });
    std::error_code error = std::make_error_code(std::errc::connection_refused);
    while (error == std::errc::connection_refused) {
        coir::tcp_stream::connect("127.0.0.1", port, error).close(); // the first of them
    }
    body(port);
    return foreign.join();
}

} // namespace

TEST_CASE("a client's context resumes what an earlier connection has agreed on") {
    for_each_io([] {
        for (const bool polite : {true, false}) {
            const answering_server server{server_context(), polite};
            const tls_context context = client_context();
            CHECK(ask(server.port(), context) == "session: new");
            const tls_context copy = context;
            for (int i = 0; i < 20; ++i) CHECK(ask(server.port(), copy) == "session: again");
            CHECK(ask(server.port(), client_context()) == "session: new"); // its own trust
        }
    });
}

TEST_CASE("a session is for the name that was verified, and for nobody else") {
    for_each_io([] {
        const answering_server server{server_context()};
        const tls_context context = client_context();
        CHECK(ask(server.port(), context, "localhost") == "session: new");
        CHECK(ask(server.port(), context, "127.0.0.1") == "session: new");
        CHECK(ask(server.port(), context, "localhost") == "session: again");
        CHECK(error_of([&] { ask(server.port(), context, "example.org"); }).category() ==
              coir::tls_category());
    });
}

TEST_CASE("connections without a context start anew each time") {
    for_each_io([] {
        const answering_server server{server_context()};
        for (int i = 0; i < 3; ++i) {
            auto stream = tls_stream::connect("127.0.0.1", server.port(), known().client());
            stream.write_all("session\n");
            CHECK(coir::buffered_reader{stream}.read_line() == "session: new");
            CHECK(!stream.resumed());
        }
    });
}

TEST_CASE("many connections at once share a context") {
    for_each_io([] {
        const answering_server server{server_context()};
        const tls_context context = client_context();
        std::atomic<int> resumed{0};
        coir::task_group group;
        for (int i = 0; i < 8; ++i) {
            group.go([&] {
                for (int n = 0; n < 5; ++n)
                    resumed += ask(server.port(), context) != "session: new";
            });
        }
        group.wait();
        CHECK(resumed.load() >= 20); // those at the start found none yet
    });
}

TEST_CASE("a context reads its files once, when it is made") {
    for_each_io([] {
        const temporary_folder folder;
        const coir::tls_server_options options{.certificate_file = folder / "cert.pem",
                                               .private_key_file = folder / "key.pem"};
        CHECK(error_of([&] { std::ignore = tls_context::server(options); }) ==
              std::errc::no_such_file_or_directory);
        CHECK(text_of([&] {
                  std::ignore = tls_context::server(options);
              }).find(folder / "cert.pem") != std::string::npos);
        for (const char* const name : {"cert.pem", "key.pem"}) {
            std::filesystem::copy_file(known().file(name), folder / name);
        }
        const answering_server server{tls_context::server(options)};
        std::filesystem::remove(folder / "cert.pem");
        std::filesystem::remove(folder / "key.pem");
        CHECK(ask(server.port(), client_context()) == "session: new");
    });
}

TEST_CASE("a context of the wrong side, or one that was moved from, is an invalid argument") {
    for_each_io([] {
        auto [client, server] = make_tcp_pair();
        std::error_code error;
        std::ignore = tls_stream::connect(std::move(client), "localhost", server_context(), error);
        CHECK(error == std::errc::invalid_argument);
        std::ignore = tls_stream::accept(std::move(server), client_context(), error);
        CHECK(error == std::errc::invalid_argument);
        auto moved = client_context();
        const auto gone = std::move(moved);
        auto again = make_tcp_pair();
        CHECK(error_of([&] {
                  std::ignore = tls_stream::connect(std::move(again.client), "localhost", moved);
              }) == std::errc::invalid_argument);
        std::ignore = tls_context::client({.ca_file = "/nowhere"}, error);
        CHECK(error == std::errc::no_such_file_or_directory);
    });
}

TEST_CASE("openssl s_client resumes, by a session that it has kept and by reconnecting") {
    for_each_io([] {
        const temporary_folder folder;
        const answering_server server{server_context()};
        const auto client = [&](const std::string& arguments) {
            return coir::blocking([&] {
                return shell("printf 'x\\n' | timeout 20 openssl s_client -no_ign_eof " +
                             arguments + " -CAfile " + known().file("ca.pem") +
                             " -connect 127.0.0.1:" + std::to_string(server.port()) + " 2>&1");
            });
        };
        const std::string kept = folder / "session";
        for (const std::string version : {"-tls1_2", "-tls1_3"}) {
            const std::string first = client(version + " -ign_eof -sess_out " + kept);
            CHECK_MESSAGE(first.find("x: new") != std::string::npos, first);
            const std::string second = client(version + " -ign_eof -sess_in " + kept);
            CHECK_MESSAGE(second.find("x: again") != std::string::npos, second);
            CHECK_MESSAGE(second.find("Reused, TLSv1") != std::string::npos, second);
        }
    });
}

TEST_CASE("sessions of openssl s_server are resumed, by tickets and by their numbers") {
    for_each_io([] {
        for (const std::string kind : {"-tls1_3", "-tls1_2", "-tls1_2 -no_ticket"}) {
            const std::string said = with_openssl_server(kind, 3, [&](std::uint16_t port) {
                const tls_context context = client_context();
                for (int i = 0; i < 3; ++i) {
                    auto stream = tls_stream::connect(coir::tcp_stream::connect("127.0.0.1", port),
                                                      "localhost", context);
                    CHECK_MESSAGE(stream.resumed() == (i != 0), kind);
                    stream.write_all("reverse\n");
                    CHECK(coir::buffered_reader{stream}.read_line() == "esrever");
                    stream.shutdown_write();
                }
            });
            CHECK_MESSAGE(said.find(" 2 session cache hits") != std::string::npos, said);
        }
    });
}

TEST_CASE("names and protocols are told to openssl, and understood from it") {
    for_each_io([] {
        auto options = known().client();
        options.alpn = {"http/1.1", "h2"};
        const auto ask_protocol = [&](std::uint16_t port) {
            auto stream = tls_stream::connect(coir::tcp_stream::connect("127.0.0.1", port),
                                              "localhost", tls_context::client(options));
            CHECK(stream.server_name() == "localhost");
            stream.shutdown_write();
            return stream.alpn();
        };
        with_openssl_server("-alpn h2,http/1.1", 1, [&](std::uint16_t port) {
            CHECK(ask_protocol(port) == "h2"); // the server's preference
        });
        const std::string second =
            " -cert2 " + known().file("cert.pem") + " -key2 " + known().file("key.pem");
        const std::string said =
            with_openssl_server("-servername localhost -servername_fatal" + second, 1,
                                [&](std::uint16_t port) { CHECK(ask_protocol(port).empty()); });
        CHECK_MESSAGE(said.find("Hostname in TLS extension: \"localhost\"") != std::string::npos,
                      said);

        auto accepts = known().server();
        accepts.alpn = {"h2"};
        auto listener = coir::tcp_listener::bind("127.0.0.1", 0);
        auto foreign = coir::go([&] {
            return coir::blocking([&] {
                return shell(
                    "timeout 20 openssl s_client -alpn http/1.1,h2 -servername told.example"
                    " -connect 127.0.0.1:" +
                    std::to_string(listener.local_endpoint().port()) + " </dev/null 2>&1");
            });
        });
        auto stream = tls_stream::accept(listener.accept(), tls_context::server(accepts));
        CHECK(stream.alpn() == "h2");
        CHECK(stream.server_name() == "told.example");
        stream.shutdown_write();
        CHECK(foreign.join().find("ALPN protocol: h2") != std::string::npos);
    });
}
