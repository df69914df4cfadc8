// SPDX-License-Identifier: MIT
#pragma once
// Owns one worker's private supply of stacks: last in, first out, no atomics, no system calls.

#include "fiber/stack.hpp"
#include "fiber/stack_depot.hpp"

#include <array>
#include <cstddef>

namespace coir::detail {

/// Used by one thread. A stack acquired here may be released to another worker's magazine.
class stack_magazine {
public:
    explicit stack_magazine(stack_depot& depot) noexcept : depot_(depot) {}
    stack_magazine(const stack_magazine&) = delete;
    stack_magazine& operator=(const stack_magazine&) = delete;
    ~stack_magazine() { flush(); }

    /// Returns a stack of at least `usable_bytes`; throws std::bad_alloc when the kernel refuses.
    [[nodiscard]] stack acquire(std::size_t usable_bytes) {
        if (std::byte* const top = at_hand(usable_bytes)) [[likely]] {
            take_at_hand();
            return stack_with_top(top, current_->payload_bytes);
        }
        return acquire_slow(usable_bytes);
    }

    /// The top of the stack that acquire() would return now, or null where it would have to look
    /// further than on the shelf used last.
    [[nodiscard]] std::byte* at_hand(std::size_t usable_bytes) const noexcept {
        const shelf& likely = *current_;
        if (likely.payload_bytes != stack_payload_bytes(usable_bytes) || likely.count == 0)
            [[unlikely]]
            return nullptr;
        std::byte* const top = likely.tops[likely.count - 1];
        if (top == nullptr) __builtin_unreachable();
        return top;
    }
    /// Takes what at_hand() has returned.
    void take_at_hand() noexcept { --current_->count; }

    void release(stack returned) noexcept {
        if (!put(returned.top, stack_payload_bytes_of(returned))) [[unlikely]]
            release_slow(returned);
    }

    /// As release, unless the shelf used last is another one, or full: then false.
    [[nodiscard]] bool put(std::byte* top, std::size_t payload_bytes) noexcept {
        shelf& likely = *current_;
        if (likely.payload_bytes != payload_bytes || likely.count == shelf_capacity) [[unlikely]]
            return false;
        likely.tops[likely.count++] = top;
        return true;
    }

    /// Returns every stack to the depot, whose trim() can then give their pages back.
    void flush() noexcept;

private:
    static constexpr std::size_t shelf_capacity = 128;
    static constexpr std::size_t batch = shelf_capacity / 2; // neither full nor empty afterwards

    struct shelf {
        std::size_t payload_bytes = 0; // 0: the shelf is free
        std::size_t count = 0;
        stack_class* source = nullptr;
        std::array<std::byte*, shelf_capacity> tops;
    };

    stack acquire_slow(std::size_t usable_bytes);
    void release_slow(stack returned) noexcept;
    /// Makes the shelf for this size current, emptying another one if all are taken.
    shelf& turn_to(stack_class& source) noexcept;
    static void empty_shelf(shelf& emptied) noexcept;

    stack_depot& depot_;
    std::array<shelf, 3> shelves_{};
    shelf* current_ = shelves_.data(); // of the size used last
};

} // namespace coir::detail
