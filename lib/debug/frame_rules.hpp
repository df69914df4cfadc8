// SPDX-License-Identifier: MIT
#pragma once
// Owns the reading of .eh_frame: how the caller's registers are found from those of a frame.
//
// The unwinder of the C++ runtime walks the calling thread's own stack only, and faults on garbage.
// We walk copies of stacks whose owners may be running, so we read the tables ourselves (DWARF 5,
// 6.4; LSB 5.0, 10.6) and look at nothing but the copy.

#include "debug/registers.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace coir::detail {

/// A loaded object with its unwind tables.
struct loaded_object {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    const std::byte* table = nullptr; ///< .eh_frame_hdr
};

/// What is loaded now. Async-signal-unsafe.
[[nodiscard]] std::vector<loaded_object> loaded_objects();

struct register_rule {
    enum class kind : std::uint8_t {
        same,
        undefined,
        at_offset,     ///< saved at CFA + value
        is_offset,     ///< equals CFA + value
        in_register,   ///< that one
        at_expression, ///< saved where the expression says
        is_expression, ///< what the expression says
    };
    kind how = kind::same;
    std::int64_t value = 0;
    const std::byte* expression = nullptr; ///< ULEB length, then operations
};

/// The rules that hold at one instruction.
struct frame_rules {
    std::size_t cfa_register = 0;
    std::int64_t cfa_offset = 0;
    const std::byte* cfa_expression = nullptr;
    std::array<register_rule, dwarf_registers> rules{};
    bool is_signal_frame = false;
    bool signed_return_address = false; ///< aarch64
};

/// Finds the rules for `pc`; false where no table covers it.
[[nodiscard]] bool find_rules(const std::vector<loaded_object>& objects, std::uint64_t pc,
                              frame_rules& found);

} // namespace coir::detail
