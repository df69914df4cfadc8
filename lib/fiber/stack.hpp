// SPDX-License-Identifier: MIT
#pragma once
// Owns the geometry of a stack: how a slot of address space is divided.
//
//     slot begin                                                              slot end
//     | guard (unreadable) | payload: bottom ............ usable ......... top | colour |
//
// Slots of equal size lie side by side in a region. `top` is lowered by a colour, a few cache
// lines that differ from slot to slot: equal offsets would put every coroutine's hot lines into
// the same cache sets (14.8 instead of 6.4 ns a switch, round robin over 1,000 stacks). The colour
// depends on the slot alone, so a slot's top never changes and can be found without its owner.

#include <cstddef>
#include <cstdint>

namespace coir::detail {

/// Usable memory [bottom, top) for one coroutine; an unreadable guard lies right below bottom.
struct stack {
    std::byte* bottom = nullptr;
    std::byte* top = nullptr;
};

// What guards and payloads are multiples of: at least the page, whatever the kernel chose.
#if defined(__x86_64__)
inline constexpr std::size_t stack_granule_bytes = 4096;
#else
inline constexpr std::size_t stack_granule_bytes = 65536;
#endif

// More than a page, because a frame larger than the guard may step over it: code that is not
// compiled with -fstack-clash-protection touches its frame in any order. Not much more, because
// every guarded page is a page table entry to write: a cold stack costs 650 ns with a guard of
// 4 KiB, about 750 with 16 and 1,150 with 64 (first touch of its top not included).
inline constexpr std::size_t stack_guard_bytes =
    stack_granule_bytes < 16384 ? 16384 : stack_granule_bytes;

inline constexpr std::size_t stack_colours = 32;
inline constexpr std::size_t stack_colour_step_bytes = 64;

constexpr std::size_t round_up_to_granule(std::size_t bytes) noexcept {
    return (bytes + stack_granule_bytes - 1) & ~(stack_granule_bytes - 1);
}

/// The payload of the slots that serve a request: room for the worst colour, whole granules.
constexpr std::size_t stack_payload_bytes(std::size_t usable_bytes) noexcept {
    return round_up_to_granule(usable_bytes + (stack_colours - 1) * stack_colour_step_bytes);
}

constexpr std::size_t stack_colour_bytes(std::size_t slot_index) noexcept {
    return slot_index % stack_colours * stack_colour_step_bytes;
}

/// The end of the slot that has this top.
inline std::byte* stack_slot_end(std::byte* top) noexcept {
    const auto address = reinterpret_cast<std::uintptr_t>(top);
    return top + (round_up_to_granule(address) - address);
}

inline stack stack_with_top(std::byte* top, std::size_t payload_bytes) noexcept {
    return {stack_slot_end(top) - payload_bytes, top};
}

inline std::size_t stack_payload_bytes_of(stack used) noexcept {
    return static_cast<std::size_t>(stack_slot_end(used.top) - used.bottom);
}

} // namespace coir::detail
