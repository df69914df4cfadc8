// SPDX-License-Identifier: MIT
#pragma once
// Owns the walk up a copied stack, from callee to caller.

#include "debug/frame_rules.hpp"
#include "debug/stack_copy.hpp"

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace coir::detail {

/// Walks many stacks; remembers the rules it has looked up.
class unwinder {
public:
    unwinder() : objects_{loaded_objects()} {}

    /// The instructions at which the frames stand, innermost first: the one that runs next, then
    /// those that called, each one byte before the return address so that it lies inside the call.
    /// Ends at the first frame of a coroutine, at what has no unwind tables, and at garbage.
    [[nodiscard]] std::vector<std::uint64_t> walk(const stack_copy& copy);

private:
    const frame_rules* rules_at(std::uint64_t pc);

    static constexpr std::size_t most_frames = 256;
    std::vector<loaded_object> objects_;
    std::unordered_map<std::uint64_t, frame_rules> known_;
};

} // namespace coir::detail
