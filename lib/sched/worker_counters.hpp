// SPDX-License-Identifier: MIT
#pragma once
// Owns what one worker counts, for metrics.

#include "sched/waiter.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace coir::detail {

/// A figure that one thread counts up and others read: a load and a store, no locked instruction.
class own_counter {
public:
    void add() noexcept { value_.store(get() + 1, std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t get() const noexcept {
        return value_.load(std::memory_order_relaxed); // a figure: nothing is published by it
    }

private:
    std::atomic<std::uint64_t> value_{0};
};

struct worker_counters {
    static constexpr std::size_t kinds = static_cast<std::size_t>(wait_kind::for_ever) + 1;

    std::array<own_counter, kinds> parks; ///< by wait_kind
    own_counter steals;
    own_counter vain_picks; ///< turns at which there was nobody to switch to

    void count_park(wait_kind kind) noexcept { parks[static_cast<std::size_t>(kind)].add(); }
};

} // namespace coir::detail
