// SPDX-License-Identifier: MIT
#include "fiber/stack_region.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <new>

namespace coir::detail {

stack_region* stack_region::map(std::size_t payload_bytes, std::size_t slots,
                                guard_method method) noexcept {
    for (; slots != 0; slots /= 2) {
        const std::size_t bytes = slots * (payload_bytes + stack_guard_bytes);
        // Slot ends are found by rounding up to a granule, so a region begins at a multiple of one;
        // mmap promises no more than a page.
        constexpr std::size_t slack_bytes = stack_granule_bytes > 4096 ? stack_granule_bytes : 0;
        void* const mapped = ::mmap(nullptr, bytes + slack_bytes, PROT_READ | PROT_WRITE,
                                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
        if (mapped == MAP_FAILED) continue; // fewer may fit under RLIMIT_AS or strict overcommit
        auto* const begin = reinterpret_cast<std::byte*>(
            round_up_to_granule(reinterpret_cast<std::uintptr_t>(mapped)));
        // A huge page would make one touched stack cost 2 MiB. The advice is best effort: kernels
        // without huge pages refuse it.
        ::madvise(begin, bytes, MADV_NOHUGEPAGE);
        auto* const region = new (std::nothrow) stack_region(begin, payload_bytes, slots, method);
        if (region == nullptr) {
            ::munmap(mapped, bytes + slack_bytes);
            errno = ENOMEM;
        }
        return region;
    }
    return nullptr;
}

std::size_t stack_region::hand_out(std::byte** tops, std::size_t wanted) noexcept {
    // relaxed: only this function, under the caller's lock, stores it.
    const std::size_t first = handed_out_.load(std::memory_order_relaxed);
    wanted = std::min(wanted, slots_ - first);
    if (first + wanted > guarded_) {
        // Batches grow with use: a small program does not pay for guards it never needs.
        const std::size_t batch =
            std::min(std::max(wanted, std::min<std::size_t>(guarded_, 256)), slots_ - guarded_);
        guarded_ += install_stack_guards(begin_ + guarded_ * slot_bytes(), stack_guard_bytes,
                                         slot_bytes(), batch, method_);
        wanted = std::min(wanted, guarded_ - first);
    }
    for (std::size_t i = 0; i < wanted; ++i) tops[i] = slot(first + i).top;
    // release: pairs with the acquire in handed_out(); publishes the guards just installed.
    handed_out_.store(first + wanted, std::memory_order_release);
    return wanted;
}

stack stack_region::slot_guarded_at(const void* address) const noexcept {
    const auto* const byte = static_cast<const std::byte*>(address);
    if (byte < begin_ || byte >= begin_ + slots_ * slot_bytes()) return {};
    const auto offset = static_cast<std::size_t>(byte - begin_);
    const std::size_t index = offset / slot_bytes();
    if (offset % slot_bytes() >= stack_guard_bytes || index >= handed_out()) return {};
    return slot(index);
}

} // namespace coir::detail
