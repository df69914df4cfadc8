// SPDX-License-Identifier: MIT
// Owns the dump on SIGQUIT: a handler that only counts, and a thread that dumps.
//
// The thread is coir's own and takes the signal itself when the program's threads block it; so the
// dump comes also while every worker hangs and every other thread is elsewhere.

#include "base/futex.hpp"
#include "base/own_thread.hpp"
#include "sched/reports.hpp"
#include "sched/signal_mask.hpp"

#include <coir/debug.hpp>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <exception>
#include <iostream>
#include <memory>
#include <mutex>
#include <thread>

namespace coir::detail {
namespace {

std::atomic<std::uint32_t> events{0}; // a futex: signals that came, and the end

void count_signal(int) noexcept {
    const int saved_errno = errno;
    events.fetch_add(1, std::memory_order_relaxed); // carries nothing
    futex_wake(events, 1);
    errno = saved_errno;
}

class quit_dumper {
public:
    quit_dumper() {
        struct sigaction action{};
        action.sa_handler = count_signal;
        action.sa_flags = SA_RESTART | SA_ONSTACK;
        ::sigemptyset(&action.sa_mask);
        const worker_signal_mask mask;
        thread_ = std::thread{[this] { serve(); }};
        ::sigaction(SIGQUIT, &action, &previous_);
    }
    quit_dumper(const quit_dumper&) = delete;
    quit_dumper& operator=(const quit_dumper&) = delete;
    ~quit_dumper() {
        ::sigaction(SIGQUIT, &previous_, nullptr);
        ended_.store(true, std::memory_order_release);
        events.fetch_add(1, std::memory_order_release);
        futex_wake(events, 1);
        thread_.join();
    }

private:
    void serve() noexcept {
        const own_thread registered{"coir-sigquit"};
        sigset_t quit;
        ::sigemptyset(&quit);
        ::sigaddset(&quit, SIGQUIT);
        ::pthread_sigmask(SIG_UNBLOCK, &quit, nullptr);
        std::uint32_t seen = events.load(std::memory_order_acquire);
        while (!ended_.load(std::memory_order_acquire)) {
            const std::uint32_t now = events.load(std::memory_order_acquire);
            if (now == seen) {
                futex_wait(events, seen, INT64_MAX);
                continue;
            }
            if (ended_.load(std::memory_order_acquire)) return;
            seen = now; // several at once make one dump
            dump();
        }
    }

    static void dump() noexcept {
        try {
            dump_tasks(std::cerr);
        } catch (const std::exception& error) {
            std::cerr << "coir: cannot dump: " << error.what() << '\n';
        }
        try {
            dump_deadlocked(std::cerr);
        } catch (const std::exception&) {} // it cannot always be told
    }

    struct sigaction previous_{};
    std::atomic<bool> ended_{false};
    std::thread thread_;
};

std::mutex users_lock;
int users = 0;
std::unique_ptr<quit_dumper> dumper;

} // namespace

void begin_quit_dumps() {
    const std::lock_guard guard{users_lock};
    if (users == 0) dumper = std::make_unique<quit_dumper>();
    ++users;
}

void end_quit_dumps() noexcept {
    const std::lock_guard guard{users_lock};
    if (--users == 0) dumper.reset();
}

} // namespace coir::detail
