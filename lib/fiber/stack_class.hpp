// SPDX-License-Identifier: MIT
#pragma once
// Owns all stacks of one size: the regions they are cut from and those nobody uses now.
//
// A slot is handed out (in use, or in a worker's magazine), warm (free, its pages still there),
// cold (free, its pages given back), or fresh (never handed out).
//
//     fresh --acquire--> handed out --release--> warm --trim--> cold
//     warm, cold --acquire--> handed out

#include "fiber/stack_region.hpp"

#include <atomic>
#include <cstddef>
#include <mutex>
#include <vector>

namespace coir::detail {

class stack_class {
public:
    stack_class(std::size_t payload_bytes, guard_method method) noexcept
        : payload_bytes_(payload_bytes), method_(method) {}

    /// Hands out at least one and at most `wanted` stacks, the most recently used last. Throws
    /// stack_exhausted when there is none and the kernel refuses more.
    std::size_t acquire(std::byte** tops, std::size_t wanted);
    void release(std::byte* const* tops, std::size_t count) noexcept;

    /// Gives back the pages of all warm stacks but `warm_reserve`.
    void trim(std::size_t warm_reserve) noexcept;

    [[nodiscard]] std::size_t payload_bytes() const noexcept { return payload_bytes_; }
    [[nodiscard]] const stack_region* newest_region() const noexcept {
        // acquire: pairs with the release in map_region(); publishes the region's members.
        return newest_region_.load(std::memory_order_acquire);
    }

    struct counts {
        std::size_t mapped = 0;     // slots in all regions
        std::size_t handed_out = 0; // ever
        std::size_t warm = 0;
        std::size_t cold = 0;
    };
    [[nodiscard]] counts count() noexcept;

    stack_class* next = nullptr; // set before the class is published, constant then

private:
    std::size_t acquire_fresh_locked(std::byte** tops, std::size_t wanted);
    stack_region& map_region_locked();

    const std::size_t payload_bytes_;
    const guard_method method_;
    std::atomic<stack_region*> newest_region_{nullptr}; // heads a list that only grows
    std::mutex mutex_;
    std::size_t mapped_slots_ = 0;
    // Tops. Each has room for every slot there is, so that giving a stack back cannot fail.
    std::vector<std::byte*> warm_;
    std::vector<std::byte*> cold_;
};

} // namespace coir::detail
