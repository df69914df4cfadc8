// SPDX-License-Identifier: MIT
#include "timer/heap_supply.hpp"

#include <memory>
#include <mutex>
#include <vector>

namespace coir::detail {
namespace {

struct supply {
    std::mutex lock;
    std::vector<std::unique_ptr<timer_heap>> heaps; // all there are
    std::vector<timer_heap*> free;                  // has room for all of them
};

supply& stock() {
    static auto* const kept = new supply; // timers may outlive static destructors
    return *kept;
}

} // namespace

timer_heap& borrow_timer_heap() {
    const std::lock_guard guard{stock().lock};
    if (stock().free.empty()) {
        stock().heaps.push_back(std::make_unique<timer_heap>());
        stock().free.reserve(stock().heaps.size());
        return *stock().heaps.back();
    }
    timer_heap& heap = *stock().free.back();
    stock().free.pop_back();
    return heap;
}

void return_timer_heap(timer_heap& heap) noexcept {
    const std::lock_guard guard{stock().lock};
    stock().free.push_back(&heap);
}

} // namespace coir::detail
