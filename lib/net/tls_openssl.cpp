// SPDX-License-Identifier: MIT
//
// OpenSSL sees memory only: the records to read are put into `in`, those to send are taken from
// `out`, and all waiting is done here, on the carrier.
//
// Invariants
//   `engine` guards the SSL object and both memories; it is never held across a park.
//   Records go out in the order in which they were made: who holds `sending` takes them from `out`
//   to `unsent` and from there to the carrier. Cut short, what is left stays there for the next
//   one. Who has put records into `out` and finds `sending` taken may go: its holder looks into
//   `out` once more after letting go.
//   A write has happened when its record is made, so a cancellation that strikes while the record
//   is sent is left to the next operation.
#include "net/tls_context.hpp"
#include "net/tls_core.hpp"

#include <coir/cancelled.hpp>
#include <coir/sync/mutex.hpp>

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <mutex>

namespace coir::detail {

struct tls_core {
    tls_core(tls_carrier_pointer over, ssl_context shared)
        : carrier{std::move(over)}, context{std::move(shared)}, ssl{::SSL_new(context.get())} {
        if (ssl == nullptr) throw std::bad_alloc{};
        in = ::BIO_new(::BIO_s_mem());
        out = ::BIO_new(::BIO_s_mem());
        if (in == nullptr || out == nullptr) {
            ::BIO_free(in);
            ::BIO_free(out);
            ::SSL_free(ssl);
            throw std::bad_alloc{};
        }
        ::SSL_set_bio(ssl, in, out); // owned by it from now on
    }
    tls_core(const tls_core&) = delete;
    tls_core& operator=(const tls_core&) = delete;
    ~tls_core() {
        // That the peer has not been told of the end is no reason to forget the session, which is
        // what OpenSSL would do (RFC 5246, 7.2.1).
        if (!broken) ::SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
        ::SSL_free(ssl);
    }

    const tls_carrier_pointer carrier;
    const ssl_context context;
    tls_sessions::place sessions; // of a client; set before the handshake
    std::mutex engine;
    SSL* const ssl;
    BIO* in = nullptr;
    BIO* out = nullptr;
    std::error_code broken; // what no later operation gets past; guarded by engine

    mutex sending;
    std::string unsent; // guarded by sending, as the next
    std::size_t sent = 0;
};

namespace {

constexpr std::size_t record_bytes = std::size_t{16} * 1024;
constexpr std::size_t network_bytes = std::size_t{17} * 1024;

int size_for_ssl(std::size_t size) noexcept {
    return static_cast<int>(std::min<std::size_t>(size, INT_MAX));
}

/// What a call into OpenSSL came to.
struct outcome {
    int count = 0;        ///< above zero: done
    bool ended = false;   ///< the peer has said that no more will come
    bool starved = false; ///< needs more from the peer
    std::error_code error{};
};

template <typename Call> outcome call_ssl(tls_core& core, Call&& call) {
    const std::lock_guard guard{core.engine};
    if (core.broken) return {.error = core.broken};
    ::ERR_clear_error();
    const int count = call();
    if (count > 0) return {.count = count};
    switch (::SSL_get_error(core.ssl, count)) {
    case SSL_ERROR_ZERO_RETURN: return {.ended = true};
    case SSL_ERROR_WANT_READ: return {.starved = true};
    default: break;
    }
    const long verified = ::SSL_get_verify_result(core.ssl);
    core.broken = take_ssl_error();
    const bool by_certificate = verified != X509_V_OK && core.broken.category() == tls_category() &&
                                ERR_GET_REASON(static_cast<unsigned long>(core.broken.value())) ==
                                    SSL_R_CERTIFICATE_VERIFY_FAILED;
    if (by_certificate) core.broken = verification_error(verified);
    return {.error = core.broken};
}

bool has_records(tls_core& core) {
    const std::lock_guard guard{core.engine};
    return ::BIO_ctrl_pending(core.out) != 0;
}

// With `sending` held. False: there is nothing left to send.
bool refill_unsent(tls_core& core) {
    if (core.sent != core.unsent.size()) return true;
    const std::lock_guard guard{core.engine};
    core.sent = 0;
    core.unsent.resize(::BIO_ctrl_pending(core.out));
    if (core.unsent.empty()) {
        core.unsent.shrink_to_fit(); // idle connections are many
        return false;
    }
    ::BIO_read(core.out, core.unsent.data(), size_for_ssl(core.unsent.size()));
    return true;
}

void send_with_lock(tls_core& core, std::error_code& error) {
    error.clear();
    while (!error && refill_unsent(core)) {
        const std::string_view rest = std::string_view{core.unsent}.substr(core.sent);
        core.sent += core.carrier->write(rest, error);
    }
}

/// Sends all records; waits for others that are sending.
void flush(tls_core& core, std::error_code& error) {
    {
        const std::unique_lock guard{core.sending};
        send_with_lock(core, error);
    }
    while (!error && has_records(core)) {
        const std::unique_lock guard{core.sending, std::try_to_lock};
        if (!guard.owns_lock()) return;
        send_with_lock(core, error);
    }
}

/// As flush, for a reader, whose own records may wait for those of a writer.
void flush_unless_busy(tls_core& core, std::error_code& error) {
    error.clear();
    while (!error && has_records(core)) {
        const std::unique_lock guard{core.sending, std::try_to_lock};
        if (!guard.owns_lock()) return;
        send_with_lock(core, error);
    }
}

void feed(tls_core& core, const char* data, std::size_t size) {
    const std::lock_guard guard{core.engine};
    ::BIO_write(core.in, data, static_cast<int>(size)); // grows; the memory is short otherwise
}

/// Gets more from the peer; its end is a truncation here.
void receive(tls_core& core, std::error_code& error) {
    const auto memory = std::make_unique_for_overwrite<char[]>(network_bytes);
    const std::size_t size = core.carrier->read(io::buffer{memory.get(), network_bytes}, error);
    if (error) return;
    if (size == 0) {
        error = errc::stream_truncated;
    } else {
        feed(core, memory.get(), size);
    }
}

void shake_hands(tls_core& core, std::error_code& error) {
    for (;;) {
        const outcome step = call_ssl(core, [&] { return ::SSL_do_handshake(core.ssl); });
        flush(core, error); // also the alert that says what we do not like
        if (step.error) error = step.error;
        if (error || step.count > 0) return;
        if (step.ended) {
            error = errc::stream_truncated;
            return;
        }
        receive(core, error);
        if (error) return;
    }
}

std::error_code misuse(const tls_shared* shared, bool as_server) noexcept {
    if (shared != nullptr && shared->is_server == as_server) return {};
    return std::make_error_code(std::errc::invalid_argument);
}

// Sessions are kept by server: what is behind another port may be another one.
std::string place_of(tls_carrier& carrier, const std::string& name, std::error_code& error) {
    tcp_stream* const connection = carrier.tcp();
    if (connection == nullptr) return name;
    return name + '\n' + std::to_string(connection->remote_endpoint(error).port());
}

bool is_address(const std::string& host) noexcept {
    std::array<unsigned char, 16> parsed{};
    return ::inet_pton(AF_INET, host.c_str(), parsed.data()) == 1 ||
           ::inet_pton(AF_INET6, host.c_str(), parsed.data()) == 1;
}

bool expect_server(SSL* ssl, const std::string& name, bool verify) {
    const bool by_address = is_address(name);
    if (!by_address && ::SSL_set_tlsext_host_name(ssl, name.c_str()) != 1) return false;
    if (!verify) {
        ::SSL_set_verify(ssl, SSL_VERIFY_NONE, nullptr);
        return true;
    }
    ::SSL_set_verify(ssl, SSL_VERIFY_PEER, nullptr);
    if (by_address) {
        return ::X509_VERIFY_PARAM_set1_ip_asc(::SSL_get0_param(ssl), name.c_str()) == 1;
    }
    ::SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return ::SSL_set1_host(ssl, name.c_str()) == 1;
}

bool offer_protocols(SSL* ssl, const std::vector<std::string>& names) {
    if (names.empty()) return true;
    const std::string wire = alpn_wire_form(names);
    return !wire.empty() && // zero is success, for once
           ::SSL_set_alpn_protos(ssl, reinterpret_cast<const unsigned char*>(wire.data()),
                                 static_cast<unsigned>(wire.size())) == 0;
}

} // namespace

std::shared_ptr<tls_core> tls_connect(tls_carrier_pointer over, const std::string& host,
                                      const tls_shared* shared, std::error_code& error) {
    error = misuse(shared, false);
    if (error) return nullptr;
    const tls_options& options = shared->options;
    const std::string& name = options.server_name.empty() ? host : options.server_name;
    std::string place = place_of(*over, name, error);
    if (error) return nullptr;
    auto core = std::make_shared<tls_core>(std::move(over), shared->context);
    // A name or protocol that cannot be one.
    if (!expect_server(core->ssl, name, options.verify) ||
        !offer_protocols(core->ssl, options.alpn)) {
        error = std::make_error_code(std::errc::invalid_argument);
        return nullptr;
    }
    ::SSL_set_connect_state(core->ssl);
    core->sessions = {shared->sessions, std::move(place)};
    tls_sessions::attend(core->ssl, core->sessions);
    shake_hands(*core, error);
    return core;
}

std::shared_ptr<tls_core> tls_accept(tls_carrier_pointer over, const tls_shared* shared,
                                     std::error_code& error) {
    error = misuse(shared, true);
    if (error) return nullptr;
    auto core = std::make_shared<tls_core>(std::move(over), shared->context);
    ::SSL_set_accept_state(core->ssl);
    shake_hands(*core, error);
    return core;
}

std::size_t tls_read(tls_core& core, io::buffer into, std::error_code& error) {
    error.clear();
    if (!core.carrier->is_open()) error = std::make_error_code(std::errc::bad_file_descriptor);
    if (error || into.size() == 0) return 0;
    for (;;) {
        const outcome got = call_ssl(
            core, [&] { return ::SSL_read(core.ssl, into.data(), size_for_ssl(into.size())); });
        if (got.count > 0) return static_cast<std::size_t>(got.count);
        if (got.ended) return 0;
        std::error_code answering; // an alert, a key that is renewed
        flush_unless_busy(core, answering);
        error = got.error ? got.error : answering;
        if (error) return 0;
        receive(core, error);
        if (error) return 0;
    }
}

std::size_t tls_write(tls_core& core, io::bytes data, std::error_code& error) {
    error.clear();
    if (!core.carrier->is_open()) error = std::make_error_code(std::errc::bad_file_descriptor);
    if (error || data.size() == 0) return 0;
    flush(core, error); // what an earlier one had to leave: the only part that may be cancelled
    if (error) return 0;
    const std::size_t size = std::min(data.size(), record_bytes);
    const outcome put =
        call_ssl(core, [&] { return ::SSL_write(core.ssl, data.data(), static_cast<int>(size)); });
    error = put.error;
    if (put.starved || put.ended) error = std::make_error_code(std::errc::broken_pipe);
    if (error) return 0;
    try {
        flush(core, error);
    } catch (const cancelled&) { // the next wait throws it again
    }
    return error ? 0 : static_cast<std::size_t>(put.count);
}

void tls_shutdown_write(tls_core& core, std::error_code& error) {
    error.clear();
    if (!core.carrier->is_open()) error = std::make_error_code(std::errc::bad_file_descriptor);
    if (error) return;
    {
        const std::lock_guard guard{core.engine};
        ::ERR_clear_error();
        if (::SSL_shutdown(core.ssl) < 0) ::ERR_clear_error(); // the record is made nevertheless
    }
    flush(core, error);
}

tls_carrier& tls_carrier_of(tls_core& core) noexcept { return *core.carrier; }

std::string tls_protocol(tls_core& core) {
    const std::lock_guard guard{core.engine};
    const unsigned char* name = nullptr;
    unsigned size = 0;
    ::SSL_get0_alpn_selected(core.ssl, &name, &size);
    return {reinterpret_cast<const char*>(name), size};
}

std::string tls_version(tls_core& core) {
    const std::lock_guard guard{core.engine};
    return ::SSL_get_version(core.ssl);
}

std::string tls_server_name(tls_core& core) {
    const std::lock_guard guard{core.engine};
    const char* const name = ::SSL_get_servername(core.ssl, TLSEXT_NAMETYPE_host_name);
    return name != nullptr ? name : "";
}

bool tls_resumed(tls_core& core) {
    const std::lock_guard guard{core.engine};
    return ::SSL_session_reused(core.ssl) == 1;
}

// --- For select -----------------------------------------------------------------------------

namespace {

// What `call` gives once it has got all that it can without waiting.
template <typename Call> outcome call_with_what_came(tls_core& core, int fd, Call&& call) {
    std::array<char, 4096> memory;
    for (;;) {
        const outcome got = call_ssl(core, call);
        if (!got.starved) return got;
        const int size = core.carrier->take(std::exchange(fd, -1), io::buffer{memory});
        if (size == 0) return {.ended = true}; // a read will tell what it means
        if (size < 0) return {.count = size, .starved = true};
        feed(core, memory.data(), static_cast<std::size_t>(size));
    }
}

} // namespace

int tls_fetch(tls_core* core, int fd) noexcept {
    char byte = 0;
    const outcome got =
        call_with_what_came(*core, fd, [&] { return ::SSL_peek(core->ssl, &byte, 1); });
    return got.starved ? got.count : 0;
}

bool tls_has_data(tls_core* core) { return tls_fetch(core, -1) == 0; }

int tls_take(tls_core& core, int fd, io::buffer into) noexcept {
    const outcome got = call_with_what_came(
        core, fd, [&] { return ::SSL_read(core.ssl, into.data(), size_for_ssl(into.size())); });
    return got.starved || got.count > 0 ? got.count : 0;
}

int tls_ready_result(const tls_core* core, int result) noexcept {
    const bool unknown = result == -EBADF && core != nullptr && core->carrier->is_open() &&
                         core->carrier->source() == nullptr;
    return unknown ? -EOPNOTSUPP : result;
}

} // namespace coir::detail
