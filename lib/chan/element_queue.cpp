// SPDX-License-Identifier: MIT
#include "chan/element_queue.hpp"

#include <algorithm>
#include <new>

namespace coir::detail {
namespace {

constexpr std::size_t block_bytes = 4096;

constexpr std::size_t round_up(std::size_t bytes, std::size_t alignment) noexcept {
    return (bytes + alignment - 1) / alignment * alignment;
}

} // namespace

element_queue::element_queue(std::size_t element_bytes, std::size_t alignment,
                             std::size_t expected) noexcept
    : stride_{round_up(element_bytes, alignment)}, alignment_{std::max(alignment, alignof(block))},
      elements_offset_{round_up(sizeof(block), alignment)},
      slots_{static_cast<std::uint32_t>(
          std::min(std::clamp(block_bytes / stride_, std::size_t{4}, most_slots),
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

void element_queue::append_block() {
    void* memory = spare_;
    if (memory == nullptr) {
        memory = ::operator new(elements_offset_ + stride_ * slots_, std::align_val_t{alignment_});
    }
    spare_ = nullptr;
    auto* const added = new (memory) block;
    if (tail_ != nullptr) tail_->next = added;
    if (head_ == nullptr) {
        head_ = added;
        head_index_ = 0;
    }
    tail_ = added;
    tail_index_ = 0;
}

// All slots of the first block are taken; it lives on until they are released.
void element_queue::leave_block() noexcept {
    head_ = head_->next;
    head_index_ = 0;
    if (head_ == nullptr) tail_ = nullptr;
}

void element_queue::recycle(block& empty) noexcept {
    if (spare_ == nullptr) {
        spare_ = &empty;
    } else {
        ::operator delete(&empty, std::align_val_t{alignment_});
    }
}

} // namespace coir::detail
