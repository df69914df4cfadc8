// SPDX-License-Identifier: MIT
#pragma once
// Owns a copy of the live part of a stack, which is unwound at leisure while the coroutine itself
// may go on.

#include "debug/registers.hpp"
#include "debug/veiled_memory.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace coir::detail {

struct stack_copy {
    registers at;           ///< where its flow was
    std::uint64_t base = 0; ///< the address that bytes[0] was copied from
    std::vector<std::byte, passing_memory<std::byte>> bytes;

    /// Reads from the copy; false where that address is not in it.
    template <typename Value> [[nodiscard]] bool read(std::uint64_t address, Value& into) const {
        if (address < base || address - base > bytes.size() ||
            bytes.size() - (address - base) < sizeof(Value)) {
            return false;
        }
        std::memcpy(&into, bytes.data() + (address - base), sizeof(Value));
        return true;
    }
};

/// Copies memory that its owner may be writing to: the result is then garbage, but no fault, nor a
/// race for the sanitizers to report.
COIR_UNINSTRUMENTED void copy_racily(std::byte* to, const std::byte* from,
                                     std::size_t count) noexcept;

/// Reads memory of this process that may be gone by now; false then.
[[nodiscard]] bool read_perhaps(const void* from, void* to, std::size_t count) noexcept;

} // namespace coir::detail
