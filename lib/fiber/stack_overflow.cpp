// SPDX-License-Identifier: MIT
#include "fiber/stack_overflow.hpp"

#include "fiber/stack_depot.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <csignal>
#include <cstring>

namespace coir::detail {
namespace {

// Roomy: the kernel's frame alone is 11 KiB with AMX, and a chained handler (AddressSanitizer's
// symboliser) runs here too.
constexpr std::size_t alternate_stack_bytes = std::size_t{256} * 1024;

std::atomic<overflow_describer> describer{nullptr};
struct sigaction previous_segv;
struct sigaction previous_bus;

/// Text put together without allocation, then written by one system call.
class line {
public:
    void append(std::string_view text) noexcept {
        const std::size_t taken = std::min(text.size(), text_.size() - length_);
        std::memcpy(text_.data() + length_, text.data(), taken);
        length_ += taken;
    }
    void append(std::size_t number) noexcept {
        std::array<char, 24> digits;
        char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
        append({digits.data(), static_cast<std::size_t>(end - digits.data())});
    }
    void write(int fd) const noexcept {
        // Nobody is left to tell if standard error is closed or full.
        [[maybe_unused]] const ssize_t written = ::write(fd, text_.data(), length_);
    }

private:
    std::array<char, 512> text_;
    std::size_t length_ = 0;
};

void report(stack overrun) noexcept {
    overflow_description description{"?", static_cast<std::size_t>(overrun.top - overrun.bottom)};
    // acquire: pairs with the release in set_overflow_describer().
    if (const overflow_describer describe = describer.load(std::memory_order_acquire))
        description = describe(overrun.top);
    constexpr std::size_t longest_name = 256;
    line text;
    text.append("stack overflow in coroutine ");
    text.append(description.name.substr(0, longest_name));
    text.append(" (");
    text.append(description.usable_bytes / 1024);
    text.append(" KiB)\n");
    text.write(STDERR_FILENO);
}

/// Ends the process as if there were no handler. A fault happens again as soon as the handler
/// returns; a signal that somebody sent does not, so it is sent again.
void die_by_default(int signal, const siginfo_t& info) noexcept {
    ::signal(signal, SIG_DFL);
    if (info.si_code <= 0) ::raise(signal);
}

void chain(int signal, siginfo_t* info, void* machine_state) noexcept {
    const struct sigaction& previous = signal == SIGBUS ? previous_bus : previous_segv;
    if ((previous.sa_flags & SA_SIGINFO) != 0) {
        previous.sa_sigaction(signal, info, machine_state);
    } else if (previous.sa_handler == SIG_IGN && info->si_code <= 0) {
        return; // sent, and ignored before; a fault cannot be ignored
    } else if (previous.sa_handler == SIG_DFL || previous.sa_handler == SIG_IGN) {
        die_by_default(signal, *info);
    } else {
        previous.sa_handler(signal);
    }
}

void on_fault(int signal, siginfo_t* info, void* machine_state) noexcept {
    // A positive code: the kernel saw a fault, so the address means something.
    const stack overrun =
        info->si_code > 0 ? stack_depot::instance().slot_guarded_at(info->si_addr) : stack{};
    if (overrun.top == nullptr) return chain(signal, info, machine_state);
    report(overrun);
    die_by_default(signal, *info);
}

void install_handler() noexcept {
    struct sigaction action{};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    ::sigemptyset(&action.sa_mask);
    // Ask first: a fault in another thread may meet the new handler before sigaction returns.
    ::sigaction(SIGSEGV, nullptr, &previous_segv);
    ::sigaction(SIGBUS, nullptr, &previous_bus);
    ::sigaction(SIGSEGV, &action, nullptr);
    ::sigaction(SIGBUS, &action, nullptr);
}

} // namespace

void set_overflow_describer(overflow_describer describe) noexcept {
    // release: pairs with the acquire in report(); publishes what the describer looks at.
    describer.store(describe, std::memory_order_release);
}

overflow_guard_thread::overflow_guard_thread() noexcept {
    [[maybe_unused]] static const bool installed = (install_handler(), true);
    stack_t present{};
    ::sigaltstack(nullptr, &present);
    if ((present.ss_flags & SS_DISABLE) == 0) return; // the application's, or a sanitizer's
    void* const memory = ::mmap(nullptr, alternate_stack_bytes, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return; // an overrun then ends in a bare SIGSEGV
    const stack_t alternate{.ss_sp = memory, .ss_flags = 0, .ss_size = alternate_stack_bytes};
    ::sigaltstack(&alternate, nullptr);
    alternate_stack_ = memory;
}

overflow_guard_thread::~overflow_guard_thread() {
    if (alternate_stack_ == nullptr) return;
    const stack_t none{.ss_sp = nullptr, .ss_flags = SS_DISABLE, .ss_size = 0};
    ::sigaltstack(&none, nullptr);
    ::munmap(alternate_stack_, alternate_stack_bytes);
}

} // namespace coir::detail
