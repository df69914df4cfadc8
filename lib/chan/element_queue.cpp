// SPDX-License-Identifier: MIT
#include "chan/element_queue.hpp"

#include <algorithm>
#include <bitset>
#include <new>

namespace coir::detail {
namespace {

constexpr std::size_t most_slots = 64;
constexpr std::size_t block_bytes = 4096;

constexpr std::size_t round_up(std::size_t bytes, std::size_t alignment) noexcept {
    return (bytes + alignment - 1) / alignment * alignment;
}

} // namespace

struct element_queue::block {
    block* next = nullptr;
    std::uint32_t released = 0;
    std::bitset<most_slots> filled;
};

element_queue::element_queue(std::size_t element_bytes, std::size_t alignment,
                             std::size_t expected) noexcept
    : stride_{round_up(element_bytes, alignment)}, alignment_{std::max(alignment, alignof(block))},
      elements_offset_{round_up(sizeof(block), alignment)},
      slots_{static_cast<std::uint32_t>(std::min(
          std::clamp(block_bytes / std::max<std::size_t>(stride_, 1), std::size_t{4}, most_slots),
          std::max<std::size_t>(expected, 4)))} {}

element_queue::~element_queue() {
    const auto free = [this](block* one) { ::operator delete(one, std::align_val_t{alignment_}); };
    free(spare_);
    while (head_ != nullptr) {
        block* const next = head_->next;
        free(head_);
        head_ = next;
    }
}

element_queue::block* element_queue::make_block() {
    void* memory = spare_;
    spare_ = nullptr;
    if (memory == nullptr) {
        memory = ::operator new(elements_offset_ + stride_ * slots_, std::align_val_t{alignment_});
    }
    return new (memory) block;
}

void* element_queue::element_at(block& home, std::uint32_t index) const noexcept {
    return reinterpret_cast<std::byte*>(&home) + elements_offset_ + stride_ * index;
}

element_queue::slot element_queue::reserve() {
    if (tail_ == nullptr || tail_index_ == slots_) {
        block* const added = make_block();
        if (tail_ != nullptr) tail_->next = added;
        if (head_ == nullptr) {
            head_ = added;
            head_index_ = 0;
        }
        tail_ = added;
        tail_index_ = 0;
    }
    ++size_;
    const std::uint32_t index = tail_index_++;
    return {tail_, index, element_at(*tail_, index)};
}

void element_queue::unreserve() noexcept {
    --size_;
    --tail_index_; // an empty block at the tail is fine: the next reservation begins it
}

void element_queue::mark_filled(const slot& filled) noexcept {
    filled.home->filled.set(filled.index);
}

bool element_queue::front_is_filled() const noexcept {
    return size_ != 0 && head_->filled.test(head_index_);
}

element_queue::slot element_queue::take() noexcept {
    --size_;
    block* const home = head_;
    const std::uint32_t index = head_index_++;
    if (head_index_ == slots_) { // the block lives on until all its slots are released
        head_ = home->next;
        head_index_ = 0;
        if (head_ == nullptr) tail_ = nullptr;
    }
    return {home, index, element_at(*home, index)};
}

void element_queue::release(const slot& released) noexcept {
    block* const home = released.home;
    if (++home->released != slots_) return;
    if (spare_ == nullptr) {
        spare_ = home;
    } else {
        ::operator delete(home, std::align_val_t{alignment_});
    }
}

} // namespace coir::detail
