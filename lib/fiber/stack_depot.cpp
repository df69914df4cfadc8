// SPDX-License-Identifier: MIT
#include "fiber/stack_depot.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <type_traits>

namespace coir::detail {
namespace {

constexpr std::size_t warm_reserve = 64;
constexpr std::size_t most_usable_bytes = std::size_t{1} << 45; // a quarter of the address space
constexpr std::size_t fewest_payload_bytes = 2 * stack_granule_bytes;

static_assert(std::is_trivially_destructible_v<stack_depot>);
constinit stack_depot the_depot;

} // namespace

stack_exhausted::stack_exhausted(int error, const char* step) noexcept {
    const char* const advice =
        std::strcmp(step, "guard") == 0 && error == ENOMEM
            ? "; before Linux 6.13 each guarded stack takes two of vm.max_map_count mappings"
            : "";
    std::snprintf(text_.data(), text_.size(), "coir: cannot %s another coroutine stack: %s%s", step,
                  std::strerror(error), advice);
}

stack_depot& stack_depot::instance() noexcept { return the_depot; }

stack_class* stack_depot::find_class(std::size_t payload_bytes) const noexcept {
    stack_class* size = first_class();
    while (size != nullptr && size->payload_bytes() != payload_bytes) size = size->next;
    return size;
}

stack_class& stack_depot::class_for(std::size_t usable_bytes) {
    if (usable_bytes > most_usable_bytes) throw stack_exhausted(ENOMEM, "map");
    const std::size_t payload_bytes =
        std::max(fewest_payload_bytes, stack_payload_bytes(usable_bytes));
    if (stack_class* const found = find_class(payload_bytes)) return *found;

    const std::lock_guard lock(adding_class_);
    if (stack_class* const found = find_class(payload_bytes)) return *found; // another thread's
    auto* const added = new stack_class(payload_bytes, method_);
    // relaxed: the list only changes under the lock held here.
    added->next = first_class_.load(std::memory_order_relaxed);
    // release: pairs with the acquire in first_class(); publishes the class and its link.
    first_class_.store(added, std::memory_order_release);
    return *added;
}

stack stack_depot::acquire(std::size_t usable_bytes) {
    stack_class& size = class_for(usable_bytes);
    std::byte* top = nullptr;
    size.acquire(&top, 1);
    return stack_with_top(top, size.payload_bytes());
}

stack_class& stack_depot::class_of(stack used) const noexcept {
    stack_class* const size = find_class(stack_payload_bytes_of(used));
    COIR_CHECK(size != nullptr, "a stack goes back to the depot it came from");
    return *size;
}

void stack_depot::release(stack returned) noexcept { class_of(returned).release(&returned.top, 1); }

void stack_depot::trim() noexcept {
    for (stack_class* size = first_class(); size != nullptr; size = size->next)
        size->trim(warm_reserve);
}

bool stack_depot::has_surplus() noexcept {
    for (stack_class* size = first_class(); size != nullptr; size = size->next) {
        if (size->count().warm >= 2 * warm_reserve) return true;
    }
    return false;
}

stack stack_depot::slot_guarded_at(const void* address) const noexcept {
    for (const stack_class* size = first_class(); size != nullptr; size = size->next) {
        for (const auto* region = size->newest_region(); region != nullptr;
             region = region->older) {
            const stack found = region->slot_guarded_at(address);
            if (found.top != nullptr) return found;
        }
    }
    return {};
}

stack_depot::counts stack_depot::count() noexcept {
    counts total;
    for (stack_class* size = first_class(); size != nullptr; size = size->next) {
        const counts one = size->count();
        total.mapped += one.mapped;
        total.handed_out += one.handed_out;
        total.warm += one.warm;
        total.cold += one.cold;
    }
    return total;
}

} // namespace coir::detail
