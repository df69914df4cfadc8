// SPDX-License-Identifier: MIT
#include "debug/request_signal.hpp"

#include "debug/stopped_world.hpp"
#include "debug/thread_stack.hpp"
#include "os/signal_handler.hpp"
#include "sched/signal_mask.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <mutex>

namespace coir::detail {
namespace {

char the_word; // its address tells our signals from others
struct sigaction previous_action;

bool is_ours(const siginfo_t& info) noexcept {
    return info.si_code == SI_QUEUE && info.si_value.sival_ptr == &the_word;
}

// Answers also what somebody else has sent: the kernel merges ours with one that is on its way.
bool filter(const siginfo_t& info, const void* machine_state) noexcept {
    answer_copy(machine_state);
    answer_halt(machine_state);
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

} // namespace

// Looks each time: coir::signals may have taken its handler, and ours, away since. Where a handler
// of the program has come after ours, that may lead here; we would lead back to it.
bool install_request_handler() noexcept {
    static std::mutex one_at_a_time;
    static bool was_installed = false;
    const std::lock_guard guard{one_at_a_time};
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
    info.si_value.sival_ptr = &the_word;
    return ::syscall(SYS_rt_tgsigqueueinfo, info.si_pid, thread, stack_request_signal, &info) == 0;
}

} // namespace coir::detail
