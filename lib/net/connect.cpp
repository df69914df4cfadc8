// SPDX-License-Identifier: MIT
#include "net/connect.hpp"

#include <coir/cancel.hpp>
#include <coir/chan.hpp>
#include <coir/detail/scheduling_point.hpp>
#include <coir/select.hpp>
#include <coir/task.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>

namespace coir::detail {
namespace {

constexpr auto attempt_delay = std::chrono::milliseconds{250}; // RFC 8305, section 5

// Families in turn, beginning with the preferred one (RFC 8305, section 4).
std::vector<endpoint> interleave(const std::vector<endpoint>& peers) {
    std::vector<endpoint> first;
    std::vector<endpoint> second;
    for (const endpoint& peer : peers) {
        (peer.is_v6() == peers.front().is_v6() ? first : second).push_back(peer);
    }
    std::vector<endpoint> mixed;
    for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
        if (i < first.size()) mixed.push_back(first[i]);
        if (i < second.size()) mixed.push_back(second[i]);
    }
    return mixed;
}

class race {
public:
    explicit race(std::vector<endpoint> peers) : peers_{std::move(peers)} {
        attempts_.reserve(peers_.size()); // so that an attempt that has begun is always joined
    }
    race(const race&) = delete;
    race& operator=(const race&) = delete;
    // The losers are cancelled, and joined whatever happens: they use this frame.
    ~race() {
        for (task<void>& attempt : attempts_) attempt.request_stop();
        shield([&] {
            for (task<void>& attempt : attempts_) join_quietly(attempt);
        });
    }

    connect_result run() {
        connect_result last;
        while (ended_ < peers_.size()) {
            if (attempts_.size() < peers_.size()) start_next();
            std::optional<connect_result> result = await_result();
            if (!result) continue; // time for the next attempt
            ++ended_;
            last = std::move(*result);
            if (last.socket != nullptr) break;
        }
        return last;
    }

private:
    void start_next() {
        const endpoint peer = peers_[attempts_.size()];
        attempts_.push_back(go({.name = "connect"},
                               [this, peer] { static_cast<void>(results_.send(attempt(peer))); }));
    }

    std::optional<connect_result> await_result() {
        if (attempts_.size() == peers_.size()) return results_.recv();
        std::optional<connect_result> result;
        select(results_.on_recv(result), on_timeout(attempt_delay));
        return result;
    }

    // Every attempt that is not cancelled has a result.
    static connect_result attempt(const endpoint& peer) {
        try {
            return connect_one(peer);
        } catch (const std::bad_alloc&) {
            return {nullptr, peer, std::make_error_code(std::errc::not_enough_memory)};
        }
    }

    static void join_quietly(task<void>& attempt) {
        try {
            attempt.join();
        } catch (...) { // cancelled as asked, or out of memory: a loser either way
        }
    }

    std::vector<endpoint> peers_;
    chan<connect_result> results_{unbounded};
    std::vector<task<void>> attempts_;
    std::size_t ended_ = 0;
};

} // namespace

connect_result connect_one(const endpoint& peer) {
    scheduling_point(step::connect);
    connect_result made;
    made.peer = peer;
    made.socket = open_socket(family_of(peer), SOCK_STREAM, made.error);
    if (made.socket == nullptr) return made;
    const auto* const address = static_cast<const sockaddr*>(peer.native());
    const int result = perform(request::connect(made.socket->fd(), address, peer.native_size()),
                               made.socket.get());
    if (result < 0) {
        made.error = error_from(result);
        made.socket = nullptr;
    }
    return made;
}

connect_result connect_first(std::vector<endpoint> peers) {
    if (peers.size() == 1) return connect_one(peers.front());
    return race{interleave(peers)}.run();
}

} // namespace coir::detail
