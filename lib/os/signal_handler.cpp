// SPDX-License-Identifier: MIT
#include "os/signal_handler.hpp"

#include "base/internal_descriptor.hpp"
#include "sched/signal_mask.hpp"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <system_error>

namespace coir::detail {
namespace {

// What the handler uses: atomics that are always there.
std::atomic<int> pipe_writer{-1};
std::atomic<pid_t> owner{-1};
std::atomic<int> handlers_running{0};
std::atomic<bool> any_missed{false};
std::array<std::atomic<std::uint32_t>, signal_count> missed{};

bool put(int fd, std::uint8_t byte) noexcept {
    ssize_t result = 0;
    do {
        result = ::write(fd, &byte, 1);
    } while (result < 0 && errno == EINTR);
    return result == 1;
}

void note(int fd, int signal) noexcept {
    if (put(fd, static_cast<std::uint8_t>(signal))) return;
    // Full. Release: pairs with take_missed() and has_missed().
    missed[static_cast<std::size_t>(signal)].fetch_add(1, std::memory_order_release);
    any_missed.store(true, std::memory_order_release);
    put(fd, 0); // if that does not fit either, what fills the pipe is still to be read
}

// Whether coir itself has sent it, which is nobody else's affair.
bool asks_for_stack(int signal, const siginfo_t& info, const void* machine_state) noexcept {
    if (signal != stack_request_signal) return false;
    // acquire: pairs with the release of whoever made the filter ready.
    const stack_request_filter answer = answer_stack_request.load(std::memory_order_acquire);
    return answer != nullptr && answer(info, machine_state);
}

extern "C" void coir_on_signal(int signal, siginfo_t* info, void* machine_state) {
    const int saved = errno; // of whatever has been interrupted
    if (asks_for_stack(signal, *info, machine_state)) {
        errno = saved;
        return;
    }
    // seq_cst: store the count, load the writer; partner in ~signal_pipe: one sees the other.
    handlers_running.fetch_add(1, std::memory_order_seq_cst);
    const int fd = pipe_writer.load(std::memory_order_seq_cst);
    // A forked child has the handler until its fork handlers have run, and the pipe is its parent's
    // as well.
    if (fd >= 0 && ::getpid() == owner.load(std::memory_order_relaxed)) note(fd, signal);
    handlers_running.fetch_sub(1, std::memory_order_release);
    errno = saved;
}

} // namespace

signal_pipe::signal_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        throw std::system_error{errno, std::system_category(), "signals: pipe"};
    }
    reader_ = above_standard_streams(ends[0]);
    writer_ = above_standard_streams(ends[1]);
    if (reader_ < 0 || writer_ < 0) {
        const int error = errno;
        ::close(reader_);
        ::close(writer_);
        throw std::system_error{error, std::system_category(), "signals: pipe"};
    }
    ::fcntl(writer_, F_SETFL, O_NONBLOCK); // a handler never waits
    owner.store(::getpid(), std::memory_order_relaxed);
    pipe_writer.store(writer_, std::memory_order_seq_cst);
}

signal_pipe::~signal_pipe() {
    pipe_writer.store(-1, std::memory_order_seq_cst); // partner: coir_on_signal
    while (handlers_running.load(std::memory_order_seq_cst) != 0) ::sched_yield();
    ::close(reader_);
    ::close(writer_);
    for (auto& one : missed) one.store(0, std::memory_order_relaxed);
    any_missed.store(false, std::memory_order_relaxed);
}

void signal_pipe::abandon() noexcept {
    pipe_writer.store(-1, std::memory_order_seq_cst);
    handlers_running.store(0, std::memory_order_relaxed); // those threads are not there
    ::close(reader_);
    ::close(writer_);
}

std::size_t signal_pipe::read(std::array<std::uint8_t, 256>& into) noexcept {
    const ssize_t count = ::read(reader_, into.data(), into.size());
    return count > 0 ? static_cast<std::size_t>(count) : 0; // interrupted by a signal, perhaps
}

bool signal_pipe::has_missed() noexcept {
    return any_missed.exchange(false, std::memory_order_acquire);
}

std::uint32_t signal_pipe::take_missed(int signal) noexcept {
    return missed[static_cast<std::size_t>(signal)].exchange(0, std::memory_order_acquire);
}

void signal_pipe::nudge() noexcept { put(writer_, 0); }

int install_signal_handler(int signal, struct ::sigaction& old) noexcept {
    struct ::sigaction action{};
    action.sa_sigaction = coir_on_signal;
    // Interrupted calls of other threads go on; a thread with little stack may have a second one.
    action.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
    ::sigfillset(&action.sa_mask);
    if (::sigaction(signal, nullptr, &old) != 0) return errno;
    return ::sigaction(signal, &action, nullptr) == 0 ? 0 : errno;
}

bool is_signal_handler(const struct ::sigaction& action) noexcept {
    return (action.sa_flags & SA_SIGINFO) != 0 && action.sa_sigaction == coir_on_signal;
}

} // namespace coir::detail
