// SPDX-License-Identifier: MIT
#pragma once
// Owns the table of all coroutines at a moment when no other thread runs (stopped_world.hpp): which
// of them can go on, which only wait for others, and for what.

#include "debug/memory_words.hpp"
#include "sched/coroutine.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace coir::detail {

class stopped_world;

struct halted_coroutine {
    enum class prospect : std::uint8_t {
        none,    ///< there is none in this slot
        alive,   ///< it runs, or something other than another party will wake it
        waiting, ///< it waits until some other party does something
    };
    prospect is = prospect::none;
    coroutine* record = nullptr;
    address_range stack; ///< what is in use of it, the callable included, the record not
};

/// `whom` goes on when somebody uses what lies there: a channel, a lock, the record of another
/// coroutine.
struct awaited_thing {
    std::uint64_t where = 0;
    std::uint32_t whom = 0;  ///< its number in the table
    bool is_reached = false; ///< for who goes through them; of the first with this `where`
};

/// Nothing in here allocates or takes a lock.
class halted_coroutines {
public:
    static constexpr std::uint32_t nobody = UINT32_MAX;

    /// All tables are made in `memory`, which leaves the stacks out of its look. Who asks has
    /// called us from `asker_sp`.
    halted_coroutines(const stopped_world& world, std::span<runtime_core* const> runtimes,
                      std::uint64_t asker_sp, memory_words& memory) noexcept;
    halted_coroutines(const halted_coroutines&) = delete;
    halted_coroutines& operator=(const halted_coroutines&) = delete;

    /// False: there is no memory for the tables.
    [[nodiscard]] bool complete() const noexcept { return complete_; }
    [[nodiscard]] std::span<halted_coroutine> all() const noexcept { return slots_; }
    /// Sorted by `where`; only of those that are `waiting`.
    [[nodiscard]] std::span<awaited_thing> awaited() const noexcept { return awaited_; }
    /// Whose stack slot that address is in; `nobody` if in none.
    [[nodiscard]] std::uint32_t slot_at(std::uint64_t address) const noexcept;

private:
    struct region {
        address_range where;
        std::uint64_t slot_bytes = 0;
        std::uint32_t first = 0;
    };

    void list_regions(memory_words& memory) noexcept;
    void look_at(stack slot, halted_coroutine& into) noexcept;
    void note_current(std::span<runtime_core* const> runtimes) noexcept;
    void note_running(const stopped_world& world, std::uint64_t asker_sp) noexcept;
    void note_awaited(memory_words& memory) noexcept;
    template <typename Visit>
    void for_each_awaited(const halted_coroutine& one, Visit visit) const noexcept;
    [[nodiscard]] const coroutine* holder_of(const void* mutex) const noexcept;

    bool complete_ = false;
    address_range all_regions_;
    std::span<region> regions_;
    std::span<halted_coroutine> slots_;
    std::span<awaited_thing> awaited_;
};

} // namespace coir::detail
