// SPDX-License-Identifier: MIT
#pragma once
// Owns the sessions that a client may resume.
//
// A session stands for a server whose certificate has been verified, so it is kept by the name that
// was verified for, within one context, which verifies always alike. Tickets of TLS 1.3 are used
// once, lest an observer tells that two connections are the same client's (RFC 8446, C.4); servers
// send new ones with each connection.

#include <openssl/ssl.h>

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace coir::detail {

struct session_deleter {
    void operator()(SSL_SESSION* session) const noexcept { ::SSL_SESSION_free(session); }
};
using session_handle = std::unique_ptr<SSL_SESSION, session_deleter>;

class tls_sessions {
public:
    /// One connection's place in the store; lives as long as its SSL object.
    struct place {
        std::shared_ptr<tls_sessions> store;
        std::string server;
    };

    /// Has connections of this context put what servers offer into their places.
    static void follow(SSL_CTX* context) noexcept;
    /// Says where the sessions of a connection belong, and gives it one to resume.
    static void attend(SSL* ssl, place& at);

private:
    static int arrived(SSL* ssl, SSL_SESSION* session) noexcept;
    void keep(const std::string& server, session_handle session);
    [[nodiscard]] session_handle take(const std::string& server);

    static constexpr std::size_t most_servers = 256;
    static constexpr std::size_t most_of_one = 8;
    std::mutex lock_;
    std::map<std::string, std::deque<session_handle>> kept_;
};

} // namespace coir::detail
