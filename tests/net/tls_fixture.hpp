// SPDX-License-Identifier: MIT
#pragma once
// Owns what the tests of TLS add to those of sockets: certificates, and connected pairs.

#include "net_fixture.hpp"

#include <cstdint>
#include <random>
#include <string>
#include <system_error>
#include <utility>

namespace fixture {

/// An authority, and certificates from it for localhost and 127.0.0.1; one of another authority.
class certificates {
public:
    certificates() {
        const std::string made = shell(
            "cd " + folder_.path() +
            " && exec 2>&1 && K='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'"
            " && openssl req -x509 $K -keyout ca.key -out ca.pem -subj /CN=test-authority -days 2"
            " && openssl req -x509 $K -keyout alien.key -out alien.pem -subj /CN=localhost -days 2"
            "      -addext subjectAltName=DNS:localhost,IP:127.0.0.1"
            " && openssl req $K -keyout key.pem -out cert.csr -subj /CN=server"
            " && printf 'subjectAltName=DNS:localhost,IP:127.0.0.1' > names"
            " && openssl x509 -req -in cert.csr -CA ca.pem -CAkey ca.key -CAcreateserial"
            "      -out cert.pem -days 2 -extfile names");
        REQUIRE_MESSAGE(made.find("[status") == std::string::npos, made);
    }
    std::string file(const std::string& name) const { return folder_ / name; }
    coir::tls_server_options server() const {
        return {.certificate_file = file("cert.pem"), .private_key_file = file("key.pem")};
    }
    coir::tls_options client() const { return {.ca_file = file("ca.pem")}; }

private:
    temporary_folder folder_;
};

inline const certificates& known() {
    static const certificates made;
    return made;
}

/// A port for a foreign server, which wants to be told one: free a moment ago, and not of those
/// that the system gives to the tests that run beside this one.
inline std::uint16_t foreign_port() {
    std::random_device random; // each program draws others
    std::uniform_int_distribution<int> ports{10'000, 29'999};
    for (;;) {
        const auto port = static_cast<std::uint16_t>(ports(random));
        std::error_code error;
        static_cast<void>(coir::tcp_listener::bind("127.0.0.1", port, error));
        if (!error) return port;
    }
}

struct tls_pair {
    coir::tls_stream client;
    coir::tls_stream server;
};

// Not every machine has an address for that name.
inline coir::tls_options as_localhost(coir::tls_options options) {
    if (options.server_name.empty()) options.server_name = "localhost";
    return options;
}

inline tls_pair make_tls_pair(const coir::tls_options& options,
                              const coir::tls_server_options& accepts) {
    auto listener = coir::tcp_listener::bind("127.0.0.1", 0);
    auto accepted = coir::go([&] { return coir::tls_stream::accept(listener.accept(), accepts); });
    auto client = coir::tls_stream::connect("127.0.0.1", listener.local_endpoint().port(),
                                            as_localhost(options));
    return {std::move(client), accepted.join()};
}
inline tls_pair make_tls_pair() { return make_tls_pair(known().client(), known().server()); }

inline std::string read_all(coir::tls_stream& from) {
    std::string all;
    std::array<char, 10'000> memory{};
    while (const std::size_t size = from.read(memory)) all.append(memory.data(), size);
    return all;
}

} // namespace fixture
