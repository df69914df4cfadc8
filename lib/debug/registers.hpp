// SPDX-License-Identifier: MIT
#pragma once
// Owns the registers by which a stack is unwound, numbered as DWARF numbers them, and what of them
// a suspended coroutine or an interrupted thread has left.

#include "fiber/context.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace coir::detail {

// Numbers of DWARF; `dwarf_registers`: so many of them can a table tell of.
#if defined(__x86_64__)
inline constexpr std::size_t dwarf_stack_pointer = 7;
inline constexpr std::size_t dwarf_frame_pointer = 6;
inline constexpr std::size_t dwarf_base_pointer = 3;
inline constexpr std::size_t dwarf_return_address = 16;
inline constexpr std::size_t dwarf_registers = 17;
#else // aarch64
inline constexpr std::size_t dwarf_stack_pointer = 31;
inline constexpr std::size_t dwarf_frame_pointer = 29;
inline constexpr std::size_t dwarf_base_pointer = 19;
inline constexpr std::size_t dwarf_return_address = 30;
inline constexpr std::size_t dwarf_registers = 32;
#endif

/// So much below the stack pointer may be in use: psABI of x86-64; others have none.
inline constexpr std::ptrdiff_t red_zone_bytes = 128;

struct registers {
    std::uint64_t pc = 0; ///< 0: nothing to unwind
    std::array<std::uint64_t, dwarf_registers> value{};

    [[nodiscard]] std::uint64_t sp() const noexcept { return value[dwarf_stack_pointer]; }
};

/// Of a flow that does not run; plain reads, which may be torn if it runs after all.
[[nodiscard]] COIR_UNINSTRUMENTED registers registers_of(const machine_context& flow) noexcept;

/// Of the code that a signal has interrupted; `machine_state` is the handler's third argument.
[[nodiscard]] registers registers_at_signal(const void* machine_state) noexcept;

} // namespace coir::detail
