// SPDX-License-Identifier: MIT
#pragma once
// Owns the way of signals from the handler to the receivers.
//
// Invariants
//   A signal has our handler while somebody receives it. There are a pipe and a thread, which takes
//   signals from the pipe and sends them on, while anybody receives anything.
//   The thread has unblocked what is received, so that it takes what every other thread blocks. The
//   workers have, too, so that a coroutine may `raise`.
// Protocol
//   `lifecycle_` is held while receivers come and go, for as long as that takes; the thread never
//   takes it. `table_` guards what the thread reads. A channel tells when it has lost its last
//   receiver, or was closed, by its end hook, which runs without the channel's lock.

#include "os/signal_handler.hpp"

#include <coir/detail/channel_handles.hpp>

#include <array>
#include <csignal>
#include <cstdint>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace coir::detail {

/// A set of signals; bit n stands for signal n + 1.
using signal_set = std::uint64_t;

[[nodiscard]] constexpr bool contains(signal_set set, int signal) noexcept {
    return (set >> (signal - 1) & 1) != 0;
}

class signal_relay {
public:
    /// The process's; a forked child has one of its own.
    static signal_relay& instance();

    /// Makes a channel that gets these signals. Throws std::system_error and std::bad_alloc.
    [[nodiscard]] receiver_reference subscribe(signal_set wanted);

private:
    struct subscription {
        sender_reference channel;
        signal_set wanted;
    };

    signal_relay() = default;
    static void channel_ended(channel_core& channel) noexcept;
    static void leave_child() noexcept;

    void unsubscribe(channel_core& channel) noexcept;
    void start();
    void stop() noexcept;
    void install(signal_set wanted);
    void follow_table() noexcept;
    [[nodiscard]] signal_set wanted_by_any() noexcept;
    void tell_threads(signal_set wanted) noexcept;

    void serve() noexcept;
    void relay(int signal) noexcept;
    void relay_missed() noexcept;

    std::mutex lifecycle_;
    std::optional<signal_pipe> pipe_;
    std::thread thread_;
    std::array<struct ::sigaction, signal_count> old_{};
    signal_set installed_ = 0;

    std::mutex table_;
    std::vector<subscription> subscriptions_;
    bool stopping_ = false;
};

} // namespace coir::detail
