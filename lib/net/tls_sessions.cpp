// SPDX-License-Identifier: MIT
#include "net/tls_sessions.hpp"

#include <new>
#include <utility>

namespace coir::detail {

void tls_sessions::follow(SSL_CTX* context) noexcept {
    ::SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    ::SSL_CTX_sess_set_new_cb(context, arrived);
}

void tls_sessions::attend(SSL* ssl, place& at) {
    if (at.store == nullptr) return;
    SSL_set_app_data(ssl, &at);
    const session_handle session = at.store->take(at.server);
    if (session != nullptr) ::SSL_set_session(ssl, session.get()); // it counts a user of its own
}

// Called by OpenSSL while it reads. One means that the session is ours from now on.
int tls_sessions::arrived(SSL* ssl, SSL_SESSION* session) noexcept {
    auto* const at = static_cast<place*>(SSL_get_app_data(ssl));
    if (at == nullptr || ::SSL_SESSION_is_resumable(session) != 1) return 0;
    session_handle owned{session};
    try {
        at->store->keep(at->server, std::move(owned));
    } catch (const std::bad_alloc&) { // then the next handshake is a whole one
    }
    return 1;
}

void tls_sessions::keep(const std::string& server, session_handle session) {
    const std::lock_guard guard{lock_};
    if (kept_.size() >= most_servers && !kept_.contains(server)) kept_.erase(kept_.begin());
    auto& of_server = kept_[server];
    of_server.push_back(std::move(session));
    if (of_server.size() > most_of_one) of_server.pop_front();
}

session_handle tls_sessions::take(const std::string& server) {
    const std::lock_guard guard{lock_};
    const auto found = kept_.find(server);
    if (found == kept_.end()) return nullptr;
    session_handle newest = std::move(found->second.back());
    if (::SSL_SESSION_get_protocol_version(newest.get()) < TLS1_3_VERSION &&
        ::SSL_SESSION_up_ref(newest.get()) == 1) {
        found->second.back().reset(newest.get()); // may serve many times
    } else {
        found->second.pop_back();
    }
    if (found->second.empty()) kept_.erase(found);
    return newest;
}

} // namespace coir::detail
