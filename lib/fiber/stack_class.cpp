// SPDX-License-Identifier: MIT
#include "fiber/stack_class.hpp"

#include "fiber/stack_depot.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace coir::detail {
namespace {

constexpr std::size_t fewest_slots_in_a_region = 64;
constexpr std::size_t most_slots_in_a_region = 4096;
constexpr std::size_t most_bytes_in_a_region = std::size_t{4} << 30;

std::size_t take_last(std::vector<std::byte*>& from, std::byte** tops, std::size_t wanted) {
    const std::size_t taken = std::min(wanted, from.size());
    std::copy(from.end() - static_cast<std::ptrdiff_t>(taken), from.end(), tops);
    from.resize(from.size() - taken);
    return taken;
}

} // namespace

std::size_t stack_class::acquire(std::byte** tops, std::size_t wanted) {
    const std::lock_guard lock(mutex_);
    if (const std::size_t warm = take_last(warm_, tops, wanted)) return warm;
    if (const std::size_t cold = take_last(cold_, tops, wanted)) return cold;
    return acquire_fresh_locked(tops, wanted);
}

std::size_t stack_class::acquire_fresh_locked(std::byte** tops, std::size_t wanted) {
    // relaxed: regions are only added under the lock held here.
    stack_region* region = newest_region_.load(std::memory_order_relaxed);
    if (region == nullptr || region->used_up()) region = &map_region_locked();
    const std::size_t fresh = region->hand_out(tops, wanted);
    if (fresh == 0) throw stack_exhausted(errno, "guard");
    return fresh;
}

stack_region& stack_class::map_region_locked() {
    // Regions double what there is: a rarely used size stays small, a million stacks need few.
    const std::size_t slot_bytes = payload_bytes_ + stack_guard_bytes;
    const std::size_t most = std::max<std::size_t>(1, most_bytes_in_a_region / slot_bytes);
    const std::size_t slots =
        std::min(most, std::clamp(mapped_slots_, fewest_slots_in_a_region, most_slots_in_a_region));

    const std::size_t needed = mapped_slots_ + slots;
    if (warm_.capacity() < needed) warm_.reserve(std::max(needed, 2 * warm_.capacity()));
    if (cold_.capacity() < needed) cold_.reserve(std::max(needed, 2 * cold_.capacity()));

    stack_region* const region = stack_region::map(payload_bytes_, slots, method_);
    if (region == nullptr) throw stack_exhausted(errno, "map");
    mapped_slots_ += region->slots();
    // relaxed: regions are only added under the lock held here.
    region->older = newest_region_.load(std::memory_order_relaxed);
    // release: pairs with the acquire in newest_region(); publishes the region and its links.
    newest_region_.store(region, std::memory_order_release);
    return *region;
}

void stack_class::release(std::byte* const* tops, std::size_t count) noexcept {
    const std::lock_guard lock(mutex_);
    warm_.insert(warm_.end(), tops, tops + count);
}

void stack_class::trim(std::size_t warm_reserve) noexcept {
    constexpr std::size_t most_at_once = 512;
    std::array<std::byte*, most_at_once> tops;
    for (;;) {
        std::size_t taken = 0;
        {
            const std::lock_guard lock(mutex_);
            if (warm_.size() <= warm_reserve) return;
            taken =
                take_last(warm_, tops.data(), std::min(most_at_once, warm_.size() - warm_reserve));
        }
        // Neighbours are given back in one call, guards between them included: guard markers (and
        // protections) survive MADV_DONTNEED.
        std::sort(tops.begin(), tops.begin() + taken);
        for (std::size_t first = 0; first < taken;) {
            std::byte* const begin = stack_with_top(tops[first], payload_bytes_).bottom;
            std::byte* end = stack_slot_end(tops[first]);
            const std::size_t slot_bytes = payload_bytes_ + stack_guard_bytes;
            for (++first; first < taken && stack_slot_end(tops[first]) == end + slot_bytes; ++first)
                end += slot_bytes;
            ::madvise(begin, static_cast<std::size_t>(end - begin), MADV_DONTNEED);
        }
        const std::lock_guard lock(mutex_);
        cold_.insert(cold_.end(), tops.begin(), tops.begin() + taken);
    }
}

stack_class::counts stack_class::count() noexcept {
    const std::lock_guard lock(mutex_);
    counts result{.mapped = mapped_slots_, .warm = warm_.size(), .cold = cold_.size()};
    for (const stack_region* region = newest_region(); region != nullptr; region = region->older)
        result.handed_out += region->handed_out();
    return result;
}

} // namespace coir::detail
