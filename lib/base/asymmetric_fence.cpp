// SPDX-License-Identifier: MIT
#include "base/asymmetric_fence.hpp"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace coir::detail {
namespace {

bool membarrier(int command) noexcept { return ::syscall(SYS_membarrier, command, 0, 0) == 0; }

} // namespace

void register_heavy_fence() noexcept {
    // A thread that still sees `false` uses the full fence, which pairs with the heavy one as well.
    static const bool registered = membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
    heavy_fence_works.store(registered, std::memory_order_relaxed);
}

void heavy_fence() noexcept {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (heavy_fence_works.load(std::memory_order_relaxed)) {
        membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
    }
}

} // namespace coir::detail
