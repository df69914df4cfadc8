// SPDX-License-Identifier: MIT
#include "os/signal_relay.hpp"

#include <coir/os/signals.hpp>

#include <algorithm>
#include <array>
#include <csignal>
#include <string>
#include <system_error>

namespace coir {
namespace {

bool can_be_received(int signal) {
    constexpr std::array refused{SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE,
                                 SIGILL,  SIGTRAP, SIGSYS,  SIGABRT};
    return signal > 0 && signal < detail::signal_count &&
           std::ranges::find(refused, signal) == refused.end();
}

} // namespace

receiver<int> signals(std::span<const int> wanted) {
    detail::signal_set set = 0;
    for (const int signal : wanted) {
        if (!can_be_received(signal)) {
            throw std::system_error{std::make_error_code(std::errc::invalid_argument),
                                    "signals: " + std::to_string(signal)};
        }
        set |= detail::signal_set{1} << (signal - 1);
    }
    return detail::channel_access::make_receiver<int>(
        detail::signal_relay::instance().subscribe(set));
}

receiver<int> signals(std::initializer_list<int> wanted) {
    return signals(std::span{wanted.begin(), wanted.size()});
}

} // namespace coir
