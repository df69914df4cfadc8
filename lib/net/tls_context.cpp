// SPDX-License-Identifier: MIT
#include "net/tls_context.hpp"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <array>
#include <map>
#include <mutex>

namespace coir {
namespace {

// OpenSSL's packed codes are positive; verification results are kept as their negatives.
class tls_errors final : public std::error_category {
public:
    [[nodiscard]] const char* name() const noexcept override { return "tls"; }
    [[nodiscard]] std::string message(int value) const override {
        if (value < 0) {
            return std::string{"certificate verify failed: "} +
                   ::X509_verify_cert_error_string(-static_cast<long>(value));
        }
        const char* const reason = ::ERR_reason_error_string(static_cast<unsigned long>(value));
        return reason != nullptr ? reason : "TLS error " + std::to_string(value);
    }
};

} // namespace

bool tls_available() noexcept { return true; }

const std::error_category& tls_category() noexcept {
    static const tls_errors only;
    return only;
}

namespace detail {
namespace {

// Changes when the file does.
std::string file_stamp(const std::string& path) {
    struct stat status{};
    if (path.empty() || ::stat(path.c_str(), &status) != 0) return path + '\n';
    return path + '\n' + std::to_string(status.st_dev) + ' ' + std::to_string(status.st_ino) + ' ' +
           std::to_string(status.st_size) + ' ' + std::to_string(status.st_mtim.tv_sec) + '.' +
           std::to_string(status.st_mtim.tv_nsec) + '\n';
}

class context_cache {
public:
    template <typename Make> ssl_context get(const std::string& key, Make&& make) {
        {
            const std::lock_guard guard{lock_};
            if (const auto known = kept_.find(key); known != kept_.end()) return known->second;
        }
        ssl_context made = make();
        if (made == nullptr) return nullptr;
        const std::lock_guard guard{lock_};
        if (kept_.size() >= most) kept_.clear();
        return kept_.emplace(key, std::move(made)).first->second;
    }

private:
    static constexpr std::size_t most = 64; // of more than that, most belong to files of the past
    std::mutex lock_;
    std::map<std::string, ssl_context> kept_;
};

context_cache& cache() {
    static auto* const kept = new context_cache; // connections may outlive static destructors
    return *kept;
}

ssl_context new_context(const SSL_METHOD* method) {
    ssl_context made{::SSL_CTX_new(method), ::SSL_CTX_free};
    if (made == nullptr) return nullptr;
    ::SSL_CTX_set_min_proto_version(made.get(), TLS1_2_VERSION);
    ::SSL_CTX_set_options(made.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    ::SSL_CTX_set_mode(made.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_RELEASE_BUFFERS);
    return made;
}

bool use_certificate(SSL_CTX* context, const std::string& certificate, const std::string& key) {
    return ::SSL_CTX_use_certificate_chain_file(context, certificate.c_str()) == 1 &&
           ::SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) == 1 &&
           ::SSL_CTX_check_private_key(context) == 1;
}

ssl_context make_client_context(const tls_options& options) {
    ssl_context made = new_context(::TLS_client_method());
    if (made == nullptr) return nullptr;
    const bool trusts = options.ca_file.empty()
                            ? ::SSL_CTX_set_default_verify_paths(made.get()) == 1
                            : ::SSL_CTX_load_verify_file(made.get(), options.ca_file.c_str()) == 1;
    if (!trusts) return nullptr;
    tls_sessions::follow(made.get());
    if (options.certificate_file.empty()) return made;
    const bool usable =
        use_certificate(made.get(), options.certificate_file, options.private_key_file);
    return usable ? made : nullptr;
}

// The server's preference decides among what the client offers.
int select_alpn(SSL*, const unsigned char** out, unsigned char* out_size,
                const unsigned char* offered, unsigned offered_size, void* own) noexcept {
    const auto& wanted = *static_cast<const std::string*>(own);
    unsigned char* chosen = nullptr;
    const int outcome = ::SSL_select_next_proto(
        &chosen, out_size, reinterpret_cast<const unsigned char*>(wanted.data()),
        static_cast<unsigned>(wanted.size()), offered, offered_size);
    *out = chosen;
    return outcome == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

ssl_context make_server_context(const tls_server_options& options) {
    ssl_context made = new_context(::TLS_server_method());
    if (made == nullptr ||
        !use_certificate(made.get(), options.certificate_file, options.private_key_file)) {
        return nullptr;
    }
    if (!options.client_ca_file.empty()) {
        const char* const file = options.client_ca_file.c_str();
        if (::SSL_CTX_load_verify_file(made.get(), file) != 1) return nullptr;
        ::SSL_CTX_set_client_CA_list(made.get(), ::SSL_load_client_CA_file(file));
        ::SSL_CTX_set_verify(made.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                             nullptr);
    }
    // Tells the sessions of this context, which clients may resume, from those of others.
    constexpr std::array<unsigned char, 4> session_owner{'c', 'o', 'i', 'r'};
    ::SSL_CTX_set_session_id_context(made.get(), session_owner.data(), session_owner.size());
    if (options.alpn.empty()) return made;
    // The list lives as long as the context, by sharing its fate.
    struct with_alpn {
        ssl_context context;
        std::string names;
    };
    auto both = std::make_shared<with_alpn>(with_alpn{made, alpn_wire_form(options.alpn)});
    ::SSL_CTX_set_alpn_select_cb(made.get(), select_alpn, &both->names);
    return {both, made.get()};
}

template <typename Make>
ssl_context checked(const std::string& key, Make&& make, std::error_code& error) {
    ::ERR_clear_error();
    ssl_context found = cache().get(key, make);
    error = found != nullptr ? std::error_code{} : take_ssl_error();
    return found;
}

} // namespace

std::error_code take_ssl_error() noexcept {
    const unsigned long code = ::ERR_get_error();
    ::ERR_clear_error();
    if (code == 0) return std::make_error_code(std::errc::protocol_error);
    if (ERR_SYSTEM_ERROR(code)) return {ERR_GET_REASON(code), std::system_category()};
    return {static_cast<int>(code), tls_category()};
}

std::error_code verification_error(long result) noexcept {
    return {static_cast<int>(-result), tls_category()};
}

std::string alpn_wire_form(const std::vector<std::string>& names) {
    std::string wire;
    for (const std::string& name : names) {
        if (name.empty() || name.size() > 255) return {};
        wire += static_cast<char>(name.size());
        wire += name;
    }
    return wire;
}

std::shared_ptr<tls_shared> tls_share(const tls_options& options, std::error_code& error) {
    const std::string key = "client\n" + file_stamp(options.ca_file) +
                            file_stamp(options.certificate_file) +
                            file_stamp(options.private_key_file);
    ssl_context found = checked(key, [&] { return make_client_context(options); }, error);
    if (error) return nullptr;
    return std::make_shared<tls_shared>(tls_shared{std::move(found), false, options, nullptr});
}

std::shared_ptr<tls_shared> tls_share(const tls_server_options& options, std::error_code& error) {
    const std::string key = "server\n" + file_stamp(options.certificate_file) +
                            file_stamp(options.private_key_file) +
                            file_stamp(options.client_ca_file) + alpn_wire_form(options.alpn);
    ssl_context found = checked(key, [&] { return make_server_context(options); }, error);
    if (error) return nullptr;
    return std::make_shared<tls_shared>(tls_shared{std::move(found), true, {}, nullptr});
}

void tls_keep_sessions(tls_shared& shared) { shared.sessions = std::make_shared<tls_sessions>(); }

} // namespace detail
} // namespace coir
