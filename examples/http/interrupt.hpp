// SPDX-License-Identifier: MIT
#pragma once
// Owns the way from SIGINT and SIGTERM to a channel.

#include <coir/chan.hpp>

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <string_view>
#include <thread>

namespace web {

/// Turns the first SIGINT or SIGTERM into the closing of a channel, and ends the process at the
/// second. To be made before the runtime, so that the runtime's threads inherit the signal mask and
/// no signal interrupts them.
class interrupt {
public:
    interrupt() {
        sigemptyset(&signals_);
        sigaddset(&signals_, SIGINT);
        sigaddset(&signals_, SIGTERM);
        pthread_sigmask(SIG_BLOCK, &signals_, &previous_mask_);
        thread_ = std::thread([this] { watch(); });
    }

    ~interrupt() {
        // Relaxed would do: pthread_kill and sigwait order the two threads. Release pairs with
        // watch().
        finished_.store(true, std::memory_order_release);
        pthread_kill(thread_.native_handle(), SIGTERM);
        thread_.join();
        pthread_sigmask(SIG_SETMASK, &previous_mask_, nullptr);
    }

    interrupt(const interrupt&) = delete;
    interrupt& operator=(const interrupt&) = delete;

    /// Returns a channel that never carries a value and closes with the first signal.
    coir::receiver<int> channel() const { return channel_; }
    bool happened() const { return channel_.closed(); }

private:
    void watch() {
        for (int signal = 0; sigwait(&signals_, &signal) == 0;) {
            if (finished_.load(std::memory_order_acquire)) return; // pairs with the destructor
            if (channel_.closed()) give_up(signal);
            channel_.close();
        }
    }

    [[noreturn]] static void give_up(int signal) {
        constexpr std::string_view text = "interrupted again: ending at once\n";
        [[maybe_unused]] const auto size = ::write(STDERR_FILENO, text.data(), text.size());
        std::_Exit(128 + signal);
    }

    sigset_t signals_{};
    sigset_t previous_mask_{};
    coir::chan<int> channel_;
    std::atomic<bool> finished_{false};
    std::thread thread_;
};

} // namespace web
