// SPDX-License-Identifier: MIT
#include "timer/timer_heap.hpp"

#include "base/check.hpp"

#include <sched.h>

#include <algorithm>
#include <bit>
#include <mutex>
#include <new>

namespace coir::detail {

namespace {

constexpr std::align_val_t line{64};

// Out of line with a barrier: a compiler that caches the address of a thread_local across a switch
// would give a coroutine the identity of the thread it came from.
COIR_NOINLINE const void* this_thread_identity() noexcept {
    static thread_local const char identity = 0;
    const void* address = &identity;
    asm volatile("" : "+r"(address) : : "memory");
    return address;
}

// The array never shrinks below this, so that ordinary ups and downs do not allocate.
constexpr std::uint32_t kept_capacity = 1024;
// Slots times four must fit the index arithmetic.
constexpr std::uint32_t greatest_capacity = std::uint32_t{1} << 29;

} // namespace

timer_heap::~timer_heap() {
    COIR_CHECK(end_ == root, "a timer heap is destroyed when nothing is pending in it");
    ::operator delete(nodes_, line);
}

bool timer_heap::before(const node& left, const node& right) noexcept {
    if (left.deadline_ns != right.deadline_ns) [[likely]] {
        return left.deadline_ns < right.deadline_ns;
    }
    return left.entry->sequence_ < right.entry->sequence_;
}

void timer_heap::put_locked(std::uint32_t slot, const node& moved) noexcept {
    nodes_[slot] = moved;
    moved.entry->slot_ = slot;
}

void timer_heap::sift_up_locked(std::uint32_t slot, const node& moved) noexcept {
    while (slot != root) {
        const std::uint32_t parent = slot / 4 + 2;
        if (!before(moved, nodes_[parent])) break;
        put_locked(slot, nodes_[parent]);
        slot = parent;
    }
    put_locked(slot, moved);
}

void timer_heap::sift_down_locked(std::uint32_t slot, const node& moved) noexcept {
    for (;;) {
        const std::uint32_t first = 4 * slot - 8;
        if (first >= end_) break;
        const std::uint32_t past = std::min(first + 4, end_);
        std::uint32_t least = first;
        for (std::uint32_t child = first + 1; child < past; ++child) {
            if (before(nodes_[child], nodes_[least])) least = child;
        }
        if (!before(nodes_[least], moved)) break;
        put_locked(slot, nodes_[least]);
        slot = least;
    }
    put_locked(slot, moved);
}

void timer_heap::erase_locked(std::uint32_t slot) noexcept {
    nodes_[slot].entry->slot_ = timer_entry::idle;
    const node last = nodes_[--end_];
    if (slot != end_) {
        if (slot != root && before(last, nodes_[slot / 4 + 2])) {
            sift_up_locked(slot, last);
        } else {
            sift_down_locked(slot, last);
        }
    }
    if (slot == root) publish_earliest_locked();
    publish_size_locked();
}

void timer_heap::publish_earliest_locked() noexcept {
    // release: pairs with the acquire in earliest_ns().
    earliest_ns_.store(end_ == root ? std::numeric_limits<std::int64_t>::max()
                                    : nodes_[root].deadline_ns,
                       std::memory_order_release);
}

void timer_heap::publish_size_locked() noexcept {
    published_size_.store(end_ - root, std::memory_order_release); // a figure for size()
}

bool timer_heap::insert(timer_entry& entry) {
    lock_.lock();
    COIR_CHECK(entry.slot_ == timer_entry::idle, "a timer entry is pending once at a time");
    while (end_ >= capacity_) [[unlikely]] {
        const std::uint32_t capacity = capacity_;
        lock_.unlock();
        if (!replace_array(capacity, capacity == 0 ? least_capacity : 2 * capacity)) {
            throw std::bad_alloc();
        }
        lock_.lock();
    }
    entry.heap_ = this;
    entry.sequence_ = ++sequence_;
    sift_up_locked(end_++, {entry.deadline_ns, &entry});
    const bool earliest = entry.slot_ == root;
    if (earliest) publish_earliest_locked();
    publish_size_locked();
    lock_.unlock();
    return earliest;
}

bool timer_heap::remove(timer_entry& entry) noexcept {
    lock_.lock();
    const bool pending = entry.slot_ != timer_entry::idle;
    if (pending) {
        COIR_CHECK(entry.heap_ == this, "a timer entry is removed from the heap it is in");
        erase_locked(entry.slot_);
    }
    // relaxed: written under the lock, which is held here.
    const bool firing = firing_.load(std::memory_order_relaxed) == &entry;
    const bool oversized = oversized_locked();
    lock_.unlock();
    if (oversized) [[unlikely]]
        shrink();
    if (firing) [[unlikely]]
        wait_until_fired(entry);
    return pending;
}

std::size_t timer_heap::expire(std::int64_t now_ns, std::size_t most) noexcept {
    // relaxed: only decides whether to look; what is read then is read under the lock.
    if (earliest_ns_.load(std::memory_order_relaxed) > now_ns) return 0;
    lock_.lock();
    if (expiring_) {
        lock_.unlock();
        return 0;
    }
    expiring_ = true;
    expirer_.store(this_thread_identity(), std::memory_order_relaxed); // published by firing_
    const std::size_t budget = std::min<std::size_t>(most, end_ - root);
    std::size_t fired = 0;
    while (fired < budget && end_ != root && nodes_[root].deadline_ns <= now_ns) {
        timer_entry* const entry = nodes_[root].entry;
        // release: pairs with the acquire in wait_until_fired; tells who waited for the entry
        // before this one that its fire() has returned, with all that it did.
        firing_.store(entry, std::memory_order_release);
        erase_locked(root);
        lock_.unlock();
        ++fired;
        entry->fire(*entry); // the entry may be gone from here on
        lock_.lock();
    }
    firing_.store(nullptr, std::memory_order_release); // as above
    expirer_.store(nullptr, std::memory_order_relaxed);
    expiring_ = false;
    const bool oversized = oversized_locked();
    lock_.unlock();
    if (oversized) [[unlikely]]
        shrink();
    return fired;
}

void timer_heap::wait_until_fired(const timer_entry& entry) const noexcept {
    // relaxed: if this thread is the expirer it reads its own store, and else a value never its
    // own. It is inside this very fire() then and would wait for itself.
    if (expirer_.load(std::memory_order_relaxed) == this_thread_identity()) return;
    // acquire: pairs with the release in expire().
    for (int spins = 1; firing_.load(std::memory_order_acquire) == &entry; ++spins) {
        if (spins % 128 == 0) {
            ::sched_yield(); // the expirer may have been preempted
        } else {
            cpu_relax();
        }
    }
}

bool timer_heap::oversized_locked() const noexcept {
    return capacity_ > kept_capacity && end_ < capacity_ / 8;
}

void timer_heap::shrink() noexcept {
    lock_.lock();
    const std::uint32_t capacity = capacity_;
    const std::uint32_t wanted = std::max(kept_capacity, std::bit_ceil(2 * end_));
    lock_.unlock();
    if (wanted < capacity) replace_array(capacity, wanted); // no memory: it stays large, no harm
}

bool timer_heap::replace_array(std::uint32_t expected, std::uint32_t wanted) noexcept {
    if (wanted > greatest_capacity) return false;
    // Allocated and freed outside the lock; meanwhile the heap may have changed, so check again.
    void* const memory = ::operator new(wanted * sizeof(node), line, std::nothrow);
    if (memory == nullptr) return false;
    node* discarded = static_cast<node*>(memory);
    {
        const std::lock_guard guard(lock_);
        if (capacity_ == expected && end_ <= wanted) {
            if (end_ > root) std::copy(nodes_ + root, nodes_ + end_, discarded + root);
            std::swap(nodes_, discarded);
            capacity_ = wanted;
        }
    }
    ::operator delete(discarded, line);
    return true;
}

} // namespace coir::detail
