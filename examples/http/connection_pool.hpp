// SPDX-License-Identifier: MIT
#pragma once
// Owns what all coroutines of a client share: idle keep-alive connections, and trust for new ones.

#include "http/connection.hpp"

#include <algorithm>
#include <mutex>
#include <optional>
#include <vector>

namespace web {

class connection_pool {
public:
    /// Keeps at most `limit` idle connections, over all hosts together. `ca_file`: as of tls_trust.
    explicit connection_pool(std::size_t limit, std::string ca_file = {})
        : limit_(limit), trust_(std::move(ca_file)) {}

    tls_trust& trust() { return trust_; }

    /// Takes the connection to the host of `where` that was given back last, as it is the least
    /// likely to have gone stale.
    std::optional<connection> take(const url& where) {
        const std::lock_guard lock(mutex_);
        const auto found = std::find_if(idle_.rbegin(), idle_.rend(),
                                        [&](const connection& c) { return c.leads_to(where); });
        if (found == idle_.rend()) return std::nullopt;
        std::optional<connection> taken(std::move(*found));
        idle_.erase(std::next(found).base());
        return taken;
    }

    /// Keeps the connection for the next request, at the price of the oldest if the pool is full.
    void give_back(connection finished) {
        if (!finished.reusable()) return;
        std::optional<connection> oldest; // is closed after the lock is released
        const std::lock_guard lock(mutex_);
        if (idle_.size() >= limit_) {
            oldest = std::move(idle_.front());
            idle_.erase(idle_.begin());
        }
        idle_.push_back(std::move(finished));
    }

private:
    // A std::mutex is right here: nothing parks while it is held, and it is held for nanoseconds.
    std::mutex mutex_;
    std::vector<connection> idle_; // oldest first
    std::size_t limit_;
    tls_trust trust_;
};

} // namespace web
