// SPDX-License-Identifier: MIT
#include "debug/stack_copy.hpp"

#include <sys/uio.h>
#include <unistd.h>

namespace coir::detail {

COIR_UNINSTRUMENTED
#if COIR_ASAN
__attribute__((no_sanitize_address))
#endif
void copy_racily(std::byte* to, const std::byte* from, std::size_t count) noexcept {
    // Word by word and volatile: so it is no memcpy, which the sanitizers would look into.
    std::size_t done = 0;
    for (; done + 8 <= count; done += 8) {
        const auto word = *reinterpret_cast<const volatile std::uint64_t*>(from + done);
        *reinterpret_cast<volatile std::uint64_t*>(to + done) = word;
    }
    for (; done < count; ++done) {
        *reinterpret_cast<volatile std::byte*>(to + done) =
            *reinterpret_cast<const volatile std::byte*>(from + done);
    }
}

bool read_perhaps(const void* from, void* to, std::size_t count) noexcept {
    const iovec local{to, count};
    const iovec remote{const_cast<void*>(from), count};
    // The kernel's copy reports a bad address instead of faulting.
    return ::process_vm_readv(::getpid(), &local, 1, &remote, 1, 0) == static_cast<ssize_t>(count);
}

} // namespace coir::detail
