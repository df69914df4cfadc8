// SPDX-License-Identifier: MIT
#pragma once
// Owns every coroutine stack of the process, by size; workers' magazines fill up and empty here.

#include "fiber/stack.hpp"
#include "fiber/stack_class.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <mutex>
#include <new>

namespace coir::detail {

/// The kernel refuses another stack; what() says why and what to do.
class stack_exhausted : public std::bad_alloc {
public:
    /// `step`: "map" or "guard".
    stack_exhausted(int error, const char* step) noexcept;
    [[nodiscard]] const char* what() const noexcept override { return text_.data(); }

private:
    std::array<char, 192> text_{};
};

class stack_depot {
public:
    /// The process's depot. It is never destroyed: threads and handlers may outlive main.
    static stack_depot& instance() noexcept;

    /// For tests; a depot must never be destroyed. The process has one, instance().
    explicit constexpr stack_depot(guard_method method = guard_method::automatic) noexcept
        : method_(method) {}
    stack_depot(const stack_depot&) = delete;
    stack_depot& operator=(const stack_depot&) = delete;

    /// Returns a stack of at least `usable_bytes`; throws std::bad_alloc (a stack_exhausted) when
    /// the kernel refuses.
    stack acquire(std::size_t usable_bytes);
    void release(stack returned) noexcept;

    /// Gives the pages of stacks nobody uses back to the kernel, all but a few warm ones of each
    /// size. The address space stays.
    void trim() noexcept;
    /// Whether trim() would be worth its system calls.
    [[nodiscard]] bool has_surplus() noexcept;

    /// Calls visit(stack) for every slot ever handed out, in use or not. Takes no lock, allocates
    /// nothing; may run at any time in any thread, also in a signal handler. Reading memory below
    /// a slot's top is always safe, and finds zeroes where nobody has written or a trim came by.
    template <typename Visit> void for_each_slot(Visit&& visit) const {
        for_each_region([&](const stack_region& region) {
            const std::size_t count = region.handed_out();
            for (std::size_t i = 0; i < count; ++i) visit(region.slot(i));
        });
    }
    /// As for_each_slot, for the mappings that the slots are cut from.
    template <typename Visit> void for_each_region(Visit&& visit) const {
        for (const stack_class* size = first_class(); size != nullptr; size = size->next) {
            for (const auto* region = size->newest_region(); region != nullptr;
                 region = region->older) {
                visit(*region);
            }
        }
    }

    /// The stack whose guard contains `address`, or an empty one. Async-signal-safe.
    [[nodiscard]] stack slot_guarded_at(const void* address) const noexcept;

    /// All stacks of one size; `usable_bytes` as for acquire.
    stack_class& class_for(std::size_t usable_bytes);
    /// All stacks of this one's size, which came from this depot.
    [[nodiscard]] stack_class& class_of(stack used) const noexcept;

    using counts = stack_class::counts;
    [[nodiscard]] counts count() noexcept;

private:
    [[nodiscard]] stack_class* first_class() const noexcept {
        // acquire: pairs with the release in class_for(); publishes the class and its link.
        return first_class_.load(std::memory_order_acquire);
    }
    [[nodiscard]] stack_class* find_class(std::size_t payload_bytes) const noexcept;

    const guard_method method_;
    std::mutex adding_class_;
    std::atomic<stack_class*> first_class_{nullptr}; // heads a list that only grows
};

} // namespace coir::detail
