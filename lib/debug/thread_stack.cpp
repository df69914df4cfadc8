// SPDX-License-Identifier: MIT
// Protocol: one request at a time.
//   idle -- the asker --> asked -- the handler --> copying --> done -- the asker --> idle
//   asked -- the asker gives up --> idle
// A handler that comes late finds nothing asked of its thread and does nothing.

#include "debug/thread_stack.hpp"

#include "base/futex.hpp"
#include "os/signal_handler.hpp"
#include "sched/signal_mask.hpp"
#include "timer/clock.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <mutex>

namespace coir::detail {
namespace {

constexpr std::ptrdiff_t red_zone_bytes = 128; // psABI of x86-64; others have none
constexpr std::int64_t patience_ns = 200'000'000;

struct stack_request {
    enum : std::uint32_t { idle, asked, copying, done };
    std::atomic<std::uint32_t> state{idle}; // a futex
    std::atomic<pid_t> thread{0};
    stack_bounds bounds;
    stack_copy* into = nullptr;
    bool within = false;
};

stack_request current_request;
struct sigaction previous_action;

void answer(const void* machine_state) noexcept {
    stack_request& request = current_request;
    request.within = false;
    stack_copy& copy = *request.into;
    copy.at = registers_at_signal(machine_state);
    const auto* const sp = reinterpret_cast<const std::byte*>(copy.at.sp());
    if (sp < request.bounds.bottom || sp >= request.bounds.top) return;
    // With the red zone: at the end of a function the tables find its caller's registers there.
    const std::byte* const low = std::max(request.bounds.bottom, sp - red_zone_bytes);
    // The asker has made the room: nothing is allocated here.
    const auto live = static_cast<std::size_t>(request.bounds.top - low);
    const std::size_t count = std::min(live, copy.bytes.size());
    copy_racily(copy.bytes.data(), low, count);
    copy.base = reinterpret_cast<std::uintptr_t>(low);
    request.within = true;
}

bool is_ours(const siginfo_t& info) noexcept {
    return info.si_code == SI_QUEUE && info.si_value.sival_ptr == &current_request;
}

// Answers also what somebody else has sent: the kernel merges ours with one that is on its way.
bool filter(const siginfo_t& info, const void* machine_state) noexcept {
    std::uint32_t expected = stack_request::asked;
    // acquire: pairs with the asker's release of the request.
    if (current_request.thread.load(std::memory_order_relaxed) == ::gettid() &&
        current_request.state.compare_exchange_strong(expected, stack_request::copying,
                                                      std::memory_order_acquire)) {
        answer(machine_state);
        current_request.state.store(stack_request::done, std::memory_order_release);
        futex_wake(current_request.state, 1);
    }
    return is_ours(info);
}

// The program's own use of the signal.
void pass_on(int signal, siginfo_t* info, void* machine_state) noexcept {
    if ((previous_action.sa_flags & SA_SIGINFO) != 0) {
        previous_action.sa_sigaction(signal, info, machine_state);
    } else if (previous_action.sa_handler != SIG_DFL && previous_action.sa_handler != SIG_IGN) {
        previous_action.sa_handler(signal);
    }
}

void on_request(int signal, siginfo_t* info, void* machine_state) noexcept {
    const int saved_errno = errno;
    if (!filter(*info, machine_state)) pass_on(signal, info, machine_state);
    errno = saved_errno;
}

// Looks each time: coir::signals may have taken its handler, and ours, away since. Where a handler
// of the program has come after ours, that may lead here; we would lead back to it.
bool install_handler() noexcept {
    static bool was_installed = false;
    struct sigaction action{};
    if (::sigaction(stack_request_signal, nullptr, &action) != 0) return false;
    // release: pairs with the acquire in os/signal_handler.cpp.
    answer_stack_request.store(filter, std::memory_order_release);
    const bool is_free = (action.sa_flags & SA_SIGINFO) == 0 &&
                         (action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN);
    if (is_signal_handler(action) || (was_installed && !is_free)) return true;
    previous_action = action; // before on_request can look
    action = {};
    action.sa_sigaction = on_request;
    // On the thread's alternate stack where there is one: a coroutine's own may be nearly used up.
    action.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
    ::sigfillset(&action.sa_mask);
    was_installed = ::sigaction(stack_request_signal, &action, nullptr) == 0;
    return was_installed;
}

bool send_request(pid_t thread) noexcept {
    siginfo_t info{};
    info.si_signo = stack_request_signal;
    info.si_code = SI_QUEUE; // with a word that says it is ours
    info.si_pid = ::getpid();
    info.si_uid = ::getuid();
    info.si_value.sival_ptr = &current_request;
    return ::syscall(SYS_rt_tgsigqueueinfo, info.si_pid, thread, stack_request_signal, &info) == 0;
}

// Whether the handler is through; after that it touches nothing of the request.
bool await_answer() noexcept {
    stack_request& request = current_request;
    const std::int64_t give_up_ns = monotonic_ns() + patience_ns;
    for (;;) {
        // acquire: pairs with the handler's release; the copy is complete.
        const std::uint32_t state = request.state.load(std::memory_order_acquire);
        if (state == stack_request::done) return true;
        if (monotonic_ns() < give_up_ns) {
            futex_wait(request.state, state, give_up_ns);
            continue;
        }
        std::uint32_t expected = stack_request::asked;
        if (request.state.compare_exchange_strong(expected, stack_request::idle,
                                                  std::memory_order_relaxed)) {
            return false;
        }
        futex_wait(request.state, stack_request::copying, monotonic_ns() + patience_ns);
    }
}

} // namespace

bool copy_running_stack(pid_t thread, stack_bounds bounds, stack_copy& into) {
    static std::mutex one_at_a_time;
    const std::lock_guard guard{one_at_a_time};
    if (thread == 0 || !install_handler()) return false;
    constexpr std::size_t most_bytes = std::size_t{1} << 20;
    into.bytes.resize(std::min(static_cast<std::size_t>(bounds.top - bounds.bottom), most_bytes));
    stack_request& request = current_request;
    request.bounds = bounds;
    request.into = &into;
    request.thread.store(thread, std::memory_order_relaxed);
    request.state.store(stack_request::asked, std::memory_order_release);
    if (!send_request(thread)) {
        request.state.store(stack_request::idle, std::memory_order_relaxed);
        return false;
    }
    if (!await_answer()) return false;
    request.state.store(stack_request::idle, std::memory_order_relaxed);
    return request.within;
}

} // namespace coir::detail
