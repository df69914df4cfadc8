// SPDX-License-Identifier: MIT
#include "fiber/stack_guard.hpp"

#include "base/valgrind.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>

namespace coir::detail {
namespace {

// Names that older headers lack.
constexpr int madv_guard_install = 102;   // Linux 6.13
constexpr int pidfd_self_thread = -10000; // Linux 6.14: no descriptor to keep, right after fork too

// Relaxed, all three: each is a hint about the kernel (or a count kept for a limit with slack),
// and publishes nothing else.
std::atomic<bool> advice_refused{false};
std::atomic<bool> batches_refused{false};
std::atomic<std::size_t> guards_by_protection{0};

std::size_t most_guards_by_protection() noexcept {
    static const std::size_t limit = [] {
        std::size_t mappings = 65530; // the kernel's default
        const int fd = ::open("/proc/sys/vm/max_map_count", O_RDONLY | O_CLOEXEC);
        if (fd >= 0) {
            std::array<char, 32> text{};
            const ssize_t length = ::read(fd, text.data(), text.size());
            if (length > 0) std::from_chars(text.data(), text.data() + length, mappings);
            ::close(fd);
        }
        // An eighth stays for the rest of the process: malloc and mmap fail at the limit, too.
        return (mappings - mappings / 8) / 2;
    }();
    return limit;
}

// One system call for many guards: 218 instead of 342 ns each. Returns how many it made; 0 sends
// the caller to single calls, whose errno is then the telling one.
std::size_t advise_batch(std::byte* first, std::size_t guard_bytes, std::size_t stride_bytes,
                         std::size_t count) noexcept {
    constexpr std::size_t most_in_a_batch = 256;
    // relaxed: see above
    if (count < 2 || batches_refused.load(std::memory_order_relaxed)) return 0;
    std::array<iovec, most_in_a_batch> guards;
    const std::size_t taken = std::min(count, most_in_a_batch);
    for (std::size_t i = 0; i < taken; ++i) guards[i] = {first + i * stride_bytes, guard_bytes};
    const long advised = ::syscall(SYS_process_madvise, pidfd_self_thread, guards.data(), taken,
                                   madv_guard_install, 0);
    if (advised >= 0) return static_cast<std::size_t>(advised) / guard_bytes;
    if (errno != EINTR && errno != EAGAIN && errno != ENOMEM)
        batches_refused.store(true, std::memory_order_relaxed); // relaxed: see above
    return 0;
}

// Emulators of the kernel answer success to advice they do not know, as to a mere hint, so the
// first guard is put to the test: the kernel cannot read a path there.
bool advice_works(const std::byte* guard) noexcept {
    static const bool works =
        ::access(reinterpret_cast<const char*>(guard), F_OK) != 0 && errno == EFAULT;
    return works;
}

std::size_t install_by_advice(std::byte* first, std::size_t guard_bytes, std::size_t stride_bytes,
                              std::size_t count) noexcept {
    std::size_t made = 0;
    while (made < count) {
        std::byte* const next = first + made * stride_bytes;
        if (const std::size_t batch = advise_batch(next, guard_bytes, stride_bytes, count - made)) {
            made += batch;
            continue;
        }
        if (::madvise(next, guard_bytes, madv_guard_install) == 0) {
            ++made;
            continue;
        }
        if (errno != EINTR && errno != EAGAIN) break;
    }
    return made;
}

std::size_t install_by_protection(std::byte* first, std::size_t guard_bytes,
                                  std::size_t stride_bytes, std::size_t count) noexcept {
    std::size_t made = 0;
    for (; made < count; ++made) {
        // relaxed: see above
        if (guards_by_protection.fetch_add(1, std::memory_order_relaxed) >=
            most_guards_by_protection()) {
            guards_by_protection.fetch_sub(1, std::memory_order_relaxed); // relaxed: see above
            errno = ENOMEM;
            break;
        }
        if (::mprotect(first + made * stride_bytes, guard_bytes, PROT_NONE) != 0) break;
    }
    return made;
}

} // namespace

std::size_t install_stack_guards(std::byte* first, std::size_t guard_bytes,
                                 std::size_t stride_bytes, std::size_t count,
                                 guard_method method) noexcept {
    // Valgrind reads the path of access(2) itself, and dies of the guard in advice_works().
    static const bool on_valgrind = runs_on_valgrind();
    if (method == guard_method::protection || (method == guard_method::automatic && on_valgrind)) {
        return install_by_protection(first, guard_bytes, stride_bytes, count);
    }
    std::size_t made = 0;
    // relaxed: see above
    if (method == guard_method::advice || !advice_refused.load(std::memory_order_relaxed)) {
        made = install_by_advice(first, guard_bytes, stride_bytes, count);
        if (made != 0 && !advice_works(first)) {
            made = 0;
            errno = EINVAL;
        }
        // EINVAL: the kernel does not know the advice, or refuses it on locked memory (mlockall).
        if (made == count || errno != EINVAL || method == guard_method::advice) return made;
        advice_refused.store(true, std::memory_order_relaxed); // relaxed: see above
    }
    return made + install_by_protection(first + made * stride_bytes, guard_bytes, stride_bytes,
                                        count - made);
}

} // namespace coir::detail
