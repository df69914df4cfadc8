// SPDX-License-Identifier: MIT
#pragma once
// Owns one large mapping cut into equal stack slots. Regions are never unmapped: whoever looks
// through slots (dump, overflow handler, debugger) may read memory there at any time.

#include "fiber/stack.hpp"
#include "fiber/stack_guard.hpp"

#include <atomic>
#include <cstddef>

namespace coir::detail {

class stack_region {
public:
    /// Maps up to `slots` slots, fewer if the kernel refuses so many. Null when it refuses one.
    static stack_region* map(std::size_t payload_bytes, std::size_t slots,
                             guard_method method) noexcept;

    /// Hands out up to `wanted` slots that were never handed out before, their guards in place.
    /// Returns how many; 0 with errno set when the kernel refuses a guard. One caller at a time.
    std::size_t hand_out(std::byte** tops, std::size_t wanted) noexcept;

    [[nodiscard]] bool used_up() const noexcept { return handed_out() == slots_; }
    [[nodiscard]] std::size_t slots() const noexcept { return slots_; }
    [[nodiscard]] std::size_t payload_bytes() const noexcept { return payload_bytes_; }
    [[nodiscard]] std::size_t slot_bytes() const noexcept {
        return payload_bytes_ + stack_guard_bytes;
    }

    /// Slots [0, handed_out()) have been in use at some time. Any thread, signal handlers too.
    [[nodiscard]] std::size_t handed_out() const noexcept {
        // acquire: pairs with the release in hand_out(), so that the guards are seen to exist.
        return handed_out_.load(std::memory_order_acquire);
    }

    [[nodiscard]] stack slot(std::size_t index) const noexcept {
        std::byte* const end = begin_ + (index + 1) * slot_bytes();
        return {end - payload_bytes_, end - stack_colour_bytes(index)};
    }

    [[nodiscard]] const std::byte* begin() const noexcept { return begin_; }
    [[nodiscard]] const std::byte* end() const noexcept { return begin_ + slots_ * slot_bytes(); }

    /// The stack whose guard contains `address`, or an empty one. Async-signal-safe.
    [[nodiscard]] stack slot_guarded_at(const void* address) const noexcept;

    stack_region* older = nullptr; // set before the region is published, constant then

private:
    stack_region(std::byte* begin, std::size_t payload_bytes, std::size_t slots,
                 guard_method method) noexcept
        : begin_(begin), payload_bytes_(payload_bytes), slots_(slots), method_(method) {}

    std::byte* const begin_;
    const std::size_t payload_bytes_;
    const std::size_t slots_;
    const guard_method method_;
    std::size_t guarded_ = 0; // guards run ahead of hand-outs, in batches
    std::atomic<std::size_t> handed_out_{0};
};

} // namespace coir::detail
