// SPDX-License-Identifier: MIT
#pragma once
// Owns what the TCP servers among the examples share: listening, taking connections until a signal
// comes, and letting those that are open come to their end.

#include <coir/group.hpp>
#include <coir/net/tcp.hpp>
#include <coir/select.hpp>
#include <coir/time.hpp>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <system_error>
#include <utility>

namespace service {

/// Listens, and prints where: port 0 lets the system choose.
inline coir::tcp_listener listen(const std::string& host, std::uint16_t port) {
    auto listener = coir::tcp_listener::bind(host, port);
    std::printf("listening on %s\n", listener.local_endpoint().to_string().c_str());
    std::fflush(stdout);
    return listener;
}

/// Starts `serve(stream)` in the group for each connection, until `stop` receives something. Where
/// descriptors run out it waits for some to be closed, and the connections wait with it.
template <class Serve>
void accept_until(const coir::tcp_listener& listener, const coir::receiver<int>& stop,
                  coir::task_group& group, const Serve& serve) {
    using namespace std::chrono_literals;
    const auto start = [&](coir::tcp_stream stream) {
        group.go([&serve, stream = std::move(stream)]() mutable { serve(std::move(stream)); });
    };
    for (;;) {
        try {
            if (coir::select(listener.on_accept(start), stop.on_recv()) == 1) return;
        } catch (const std::system_error& error) {
            std::fprintf(stderr, "%s\n", error.what());
            if (coir::select(coir::on_timeout(100ms), stop.on_recv()) == 1) return;
        }
    }
}

/// Waits for the members of the group for up to `grace`, or until `stop` receives something again;
/// then it cuts them short. Returns whether they have ended by themselves.
inline bool drain(coir::task_group& group, const coir::receiver<int>& stop,
                  std::chrono::duration<double> grace) {
    auto drained = coir::go([&group] { group.wait(); });
    if (coir::select(drained.on_done(), stop.on_recv(), coir::on_timeout(grace)) == 0) {
        drained.join();
        return true;
    }
    group.request_stop();
    try {
        drained.join();
    } catch (const coir::task_cancelled&) { // as asked
    }
    return false;
}

} // namespace service
