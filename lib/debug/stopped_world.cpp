// SPDX-License-Identifier: MIT
// Protocol: `number` is not 0 while the world is to stand still. The asker publishes it, sends the
// signal to every thread it finds, and looks again until it has twice found none that has not
// halted: a thread that was started meanwhile was started by one that had not halted yet. A handler
// notes where its thread is, counts itself, and sleeps while the number stays.
// A handler that comes late finds 0 and does nothing.

#include "debug/stopped_world.hpp"

#include "base/futex.hpp"
#include "debug/registers.hpp"
#include "debug/request_signal.hpp"
#include "sched/signal_mask.hpp"
#include "timer/clock.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace coir::detail {
namespace {

constexpr std::size_t most_halted = 4096;
// For a thread that blocks the signal, perhaps only for a moment; and for one that does not, which
// on a busy machine may have to wait for its turn.
constexpr std::int64_t wait_for_deaf_ns = 500'000'000;
constexpr std::int64_t longest_wait_ns = 5'000'000'000;
constexpr std::int64_t look_again_ns = 1'000'000;

struct halt_request {
    std::atomic<std::uint32_t> number{0}; // a futex
    std::atomic<std::uint32_t> begun{0};
    std::atomic<std::uint32_t> halted{0}; // a futex
    std::array<halted_thread, most_halted> threads;
    std::array<pid_t, most_halted> asked;
};

halt_request the_request;
std::mutex one_at_a_time;

std::span<const halted_thread> halted_so_far() noexcept {
    // acquire: pairs with the handlers' release; their notes are complete.
    const std::size_t count = the_request.halted.load(std::memory_order_acquire);
    // Notes are begun in one order and may be completed in another: until all that have begun are
    // complete, none is looked at.
    const std::size_t begun = the_request.begun.load(std::memory_order_relaxed);
    return {the_request.threads.data(), begun == count ? count : 0};
}

bool has_halted(pid_t thread) noexcept {
    const std::span<const halted_thread> halted = halted_so_far();
    return std::ranges::find(halted, thread, &halted_thread::id) != halted.end();
}

// io_uring's workers are listed as threads of the process; the kernel names them, and they take no
// signals.
bool is_kernel_worker(const char* thread) noexcept {
    std::array<char, 64> path;
    std::snprintf(path.data(), path.size(), "/proc/self/task/%s/comm", thread);
    const int fd = ::open(path.data(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    std::array<char, 4> name{};
    const bool is = ::read(fd, name.data(), name.size()) == 4 &&
                    std::memcmp(name.data(), "iou-", name.size()) == 0;
    ::close(fd);
    return is;
}

bool blocks_requests(pid_t thread) noexcept {
    std::array<char, 64> path;
    std::snprintf(path.data(), path.size(), "/proc/self/task/%d/status", thread);
    const int fd = ::open(path.data(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false; // it has ended
    std::array<char, 4096> text{};
    const ssize_t size = ::read(fd, text.data(), text.size() - 1);
    ::close(fd);
    const char* const line = size > 0 ? std::strstr(text.data(), "SigBlk:") : nullptr;
    if (line == nullptr) return false;
    const std::uint64_t blocked = std::strtoull(line + std::strlen("SigBlk:"), nullptr, 16);
    return (blocked >> (stack_request_signal - 1) & 1) != 0;
}

// As readdir, which allocates.
template <typename Visit> bool for_each_thread(Visit visit) noexcept {
    const int fd = ::open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return false;
    alignas(8) std::array<char, 4096> entries;
    long filled = 0;
    while ((filled = ::syscall(SYS_getdents64, fd, entries.data(), entries.size())) > 0) {
        constexpr std::size_t length_at = 16; // struct linux_dirent64 in getdents(2)
        constexpr std::size_t name_at = 19;
        for (std::size_t at = 0; at < static_cast<std::size_t>(filled);) {
            const char* const name = &entries[at + name_at];
            if (name[0] != '.') visit(name);
            std::uint16_t length = 0;
            std::memcpy(&length, &entries[at + length_at], sizeof length);
            at += length;
        }
    }
    ::close(fd);
    return filled == 0;
}

} // namespace

void answer_halt(const void* machine_state) noexcept {
    halt_request& request = the_request;
    // acquire: pairs with the asker's release.
    const std::uint32_t number = request.number.load(std::memory_order_acquire);
    if (number == 0) return;
    const std::uint32_t place = request.begun.fetch_add(1, std::memory_order_relaxed);
    if (place < most_halted) {
        const stack_t& own = static_cast<const ucontext_t*>(machine_state)->uc_stack;
        const auto handler_sp = reinterpret_cast<std::uint64_t>(__builtin_frame_address(0));
        const auto low = reinterpret_cast<std::uint64_t>(own.ss_sp);
        const bool on_it = handler_sp >= low && handler_sp - low < own.ss_size;
        request.threads[place] = {::gettid(), registers_at_signal(machine_state).sp(), handler_sp,
                                  on_it ? low : 0, on_it ? low + own.ss_size : 0};
    }
    request.halted.fetch_add(1, std::memory_order_release);
    futex_wake(request.halted, 1);
    while (request.number.load(std::memory_order_acquire) == number) {
        futex_wait(request.number, number, INT64_MAX);
    }
}

stopped_world::stopped_world() noexcept : turn_{one_at_a_time} {
    // Sanitizers put signals off, and have memory of their own in which pointers lie about.
    constexpr bool sanitized = COIR_TSAN != 0 || COIR_ASAN != 0;
    if (sanitized || !install_request_handler()) return;
    static std::uint32_t last_number = 0;
    the_request.begun.store(0, std::memory_order_relaxed);
    the_request.halted.store(0, std::memory_order_relaxed);
    if (++last_number == 0) ++last_number;
    the_request.number.store(last_number, std::memory_order_release);
    complete_ = halt_all();
}

stopped_world::~stopped_world() {
    the_request.number.store(0, std::memory_order_release);
    futex_wake(the_request.number, INT32_MAX);
}

std::span<const halted_thread> stopped_world::threads() const noexcept { return halted_so_far(); }

bool stopped_world::halt_all() noexcept {
    const std::int64_t began_ns = monotonic_ns();
    for (int looks_without_news = 0; looks_without_news < 2;) {
        const std::uint32_t seen = the_request.halted.load(std::memory_order_relaxed);
        if (ask_all()) {
            ++looks_without_news;
            continue;
        }
        looks_without_news = 0;
        const std::int64_t now_ns = monotonic_ns();
        const std::int64_t waited_ns = now_ns - began_ns;
        if (waited_ns > wait_for_deaf_ns && blocks_requests(obstinate_)) return false;
        if (waited_ns > longest_wait_ns || asked_ == most_halted) return false;
        futex_wait(the_request.halted, seen, now_ns + look_again_ns);
    }
    return true;
}

// True if all that there are have halted, and none of them is new.
bool stopped_world::ask_all() noexcept {
    bool all = true;
    const pid_t self = ::gettid();
    const bool listed = for_each_thread([&](const char* name) {
        const pid_t thread = std::atoi(name);
        if (thread == self || has_halted(thread)) return;
        const auto asked_end = the_request.asked.begin() + static_cast<std::ptrdiff_t>(asked_);
        const bool known = std::find(the_request.asked.begin(), asked_end, thread) != asked_end;
        if (!known) {
            if (is_kernel_worker(name) || asked_ == most_halted || !send_request(thread)) return;
            the_request.asked[asked_++] = thread;
        }
        obstinate_ = thread;
        all = false;
    });
    return listed && all;
}

} // namespace coir::detail
