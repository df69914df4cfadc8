// SPDX-License-Identifier: MIT
#pragma once
// Owns the client's side of one HTTP/1.1 connection: a request out, its response in.

#include "http/message_io.hpp"
#include "http/url.hpp"

#include <coir/net/tcp.hpp>
#include <coir/net/tls.hpp>

#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>

namespace web {

/// Says that the peer spoke, but not proper HTTP.
struct protocol_error : std::runtime_error {
    protocol_error(const std::string& what, bool may_pass)
        : std::runtime_error(what), transient(may_pass) {}
    bool transient; // whether asking again could help: a cut connection, not a malformed answer
};

struct response {
    unsigned status = 0;
    std::string reason{};
    std::string location{};
    std::string body{};
};

/// Either kind of stream, with the verbs that are needed here.
class peer {
public:
    peer(const url& where, const std::string& ca_file) {
        if (where.secure)
            secure_ = coir::tls_stream::connect(where.host, where.port,
                                                {.ca_file = ca_file, .alpn = {"http/1.1"}});
        else
            plain_ = coir::tcp_stream::connect(where.host, where.port);
        secure_ ? secure_.set_no_delay(true) : plain_.set_no_delay(true);
    }
    std::size_t read(coir::io::buffer into) {
        return secure_ ? secure_.read(into) : plain_.read(into);
    }
    void write_all(coir::io::bytes data) {
        secure_ ? secure_.write_all(data) : plain_.write_all(data);
    }

private:
    coir::tcp_stream plain_;
    coir::tls_stream secure_;
};

class connection {
public:
    /// Connects to the host of `where`, by TLS if that is secure, trusting the certificates in
    /// `ca_file`, or else the system's; throws std::system_error.
    connection(const url& where, const std::string& ca_file);

    /// Asks for `where`, which must be on this connection's host. Returns nothing if the peer had
    /// closed the connection and no byte of an answer came: the sign of a kept-alive connection
    /// that went stale, and safe to ask again elsewhere. `body_limit` is in bytes.
    std::optional<response> get(const url& where, std::size_t body_limit);

    /// Whether the connection may carry a further request.
    bool reusable() const { return reusable_; }
    bool leads_to(const url& where) const {
        return where.port == port_ && where.host == host_ && where.secure == secure_;
    }

private:
    bool await_first_byte();
    response read_response(std::size_t body_limit);

    std::string host_;
    std::uint16_t port_;
    bool secure_;
    peer stream_;
    flat_buffer input_;
    bool reusable_ = false;
};

} // namespace web
