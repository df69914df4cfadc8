// SPDX-License-Identifier: MIT
#pragma once
// Owns what runs when a signal arrives: the handler, and the pipe into which it writes.
//
// Rejected
//   A signalfd: it sees only what all threads block, and a thread that the program started before,
//   or by a library that knows nothing of coir, would still take SIGTERM and end the process. Nor
//   does it see what is sent to one thread, as by `raise`.
//   An eventfd and a counter for each signal: their order would be lost. The counters are here for
//   the case that the pipe is full.

#include <array>
#include <csignal>
#include <cstdint>

namespace coir::detail {

inline constexpr int signal_count = 65; // NSIG; the first is no signal

/// The pipe while it is open. One at a time in the process.
class signal_pipe {
public:
    /// Throws std::system_error.
    signal_pipe();
    signal_pipe(const signal_pipe&) = delete;
    signal_pipe& operator=(const signal_pipe&) = delete;
    /// No handler may be installed any more; waits for those that run.
    ~signal_pipe();

    /// Waits for signals, in the order of their arrival; a 0 stands for each `nudge`. Returns how
    /// many bytes of `into` were filled.
    std::size_t read(std::array<std::uint8_t, 256>& into) noexcept;
    /// Takes what did not fit into the pipe: how often `signal` has come.
    [[nodiscard]] std::uint32_t take_missed(int signal) noexcept;
    [[nodiscard]] bool has_missed() noexcept;
    void nudge() noexcept;

    /// In a forked child: the other end is the parent's, too.
    void abandon() noexcept;

private:
    int reader_ = -1;
    int writer_ = -1;
};

/// Installs the handler that writes into the pipe; returns 0 or an errno.
[[nodiscard]] int install_signal_handler(int signal, struct ::sigaction& old) noexcept;

/// Whether that is the handler of `action`.
[[nodiscard]] bool is_signal_handler(const struct ::sigaction& action) noexcept;

} // namespace coir::detail
