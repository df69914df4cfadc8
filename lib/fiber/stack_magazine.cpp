// SPDX-License-Identifier: MIT
#include "fiber/stack_magazine.hpp"

#include <algorithm>

namespace coir::detail {

stack_magazine::shelf& stack_magazine::turn_to(stack_class& source) noexcept {
    const auto holds = [this](const stack_class* wanted) {
        return std::ranges::find(shelves_, wanted, &shelf::source);
    };
    auto found = holds(&source);
    if (found == shelves_.end()) found = holds(nullptr);
    if (found == shelves_.end()) {
        // More sizes than shelves: the next one round the circle makes room.
        found = shelves_.begin() + (current_ - shelves_.data());
        if (++found == shelves_.end()) found = shelves_.begin();
        empty_shelf(*found);
    }
    found->source = &source;
    found->payload_bytes = source.payload_bytes();
    current_ = &*found;
    return *found;
}

stack stack_magazine::acquire_slow(std::size_t usable_bytes) {
    stack_class& source = depot_.class_for(usable_bytes);
    shelf& wanted = turn_to(source);
    if (wanted.count == 0) wanted.count = source.acquire(wanted.tops.data(), batch);
    return stack_with_top(wanted.tops[--wanted.count], wanted.payload_bytes);
}

void stack_magazine::release_slow(stack returned) noexcept {
    shelf& fitting = turn_to(depot_.class_of(returned));
    if (fitting.count == shelf_capacity) {
        // The oldest half goes: the younger one is still in this core's cache.
        fitting.source->release(fitting.tops.data(), batch);
        std::copy(fitting.tops.begin() + batch, fitting.tops.end(), fitting.tops.begin());
        fitting.count -= batch;
    }
    fitting.tops[fitting.count++] = returned.top;
}

void stack_magazine::empty_shelf(shelf& emptied) noexcept {
    if (emptied.count != 0) emptied.source->release(emptied.tops.data(), emptied.count);
    emptied.source = nullptr;
    emptied.payload_bytes = 0;
    emptied.count = 0;
}

void stack_magazine::flush() noexcept {
    for (shelf& emptied : shelves_) empty_shelf(emptied);
}

} // namespace coir::detail
