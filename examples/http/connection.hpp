// SPDX-License-Identifier: MIT
#pragma once
// Owns the client's side of one HTTP/1.1 connection: a request out, its response in.

#include "http/message_io.hpp"
#include "http/url.hpp"

#include <coir/blocking.hpp>
#include <coir/net/tcp.hpp>
#include <coir/net/tls.hpp>
#include <coir/sync/mutex.hpp>

#include <cstddef>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

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

/// What all connections over TLS share: whom they trust, and sessions to resume.
class tls_trust {
public:
    /// The certificates to trust, a PEM file; empty: those of the system.
    explicit tls_trust(std::string ca_file) : ca_file_(std::move(ca_file)) {}

    /// Made when it is first asked for: the files are read then. Throws std::system_error.
    const coir::tls_context& context() {
        const std::lock_guard lock(mutex_); // parks those that come meanwhile, not their thread
        if (!context_)
            context_ = coir::blocking([&] {
                return coir::tls_context::client({.ca_file = ca_file_, .alpn = {"http/1.1"}});
            });
        return *context_;
    }

private:
    std::string ca_file_;
    coir::mutex mutex_;
    std::optional<coir::tls_context> context_;
};

/// Either kind of stream, with the verbs that are needed here.
class peer {
public:
    peer(const url& where, tls_trust& trust) {
        if (where.secure)
            secure_ = coir::tls_stream::connect(where.host, where.port, trust.context());
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
    /// Connects to the host of `where`, by TLS if that is secure; throws std::system_error.
    connection(const url& where, tls_trust& trust);

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
