// SPDX-License-Identifier: MIT
#include "chan/element_queue.hpp"

#include <algorithm>
#include <new>

namespace coir::detail {
namespace {

constexpr std::size_t block_bytes = 4096;

constexpr std::size_t round_up(std::size_t bytes, std::size_t alignment) noexcept {
    return (bytes + alignment - 1) & ~(alignment - 1); // a power of two, all alignments are
}

// No division for the small ones: making a channel is to be cheap.
constexpr std::size_t slots_of_block(std::size_t stride, std::size_t most) noexcept {
    return stride * most <= block_bytes ? most
                                        : std::clamp(block_bytes / stride, std::size_t{4}, most);
}

} // namespace

element_queue::element_queue(std::size_t element_bytes, std::size_t alignment, bool plain,
                             std::size_t expected) noexcept
    : element_bytes_{element_bytes},
      stride_{round_up(element_bytes + (plain ? 0 : sizeof(bool)), alignment)},
      alignment_{std::max(alignment, alignof(block))},
      elements_offset_{round_up(sizeof(block), alignment)},
      slots_{static_cast<std::uint32_t>(
          std::min(slots_of_block(stride_, most_slots), std::max<std::size_t>(expected, 4)))} {}

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
    tail_ = added;
    tail_at_ = static_cast<std::byte*>(memory) + elements_offset_;
    tail_end_ = tail_at_ + stride_ * slots_;
    if (head_ == nullptr) {
        head_ = added;
        enter_head();
    }
}

void element_queue::enter_head() noexcept {
    head_at_ = reinterpret_cast<std::byte*>(head_) + elements_offset_;
    head_end_ = head_at_ + stride_ * slots_;
}

// All slots of the first block are taken; it lives on until they are released.
void element_queue::leave_block() noexcept {
    head_ = head_->next;
    if (head_ != nullptr) return enter_head();
    tail_ = nullptr;
    tail_at_ = nullptr;
    tail_end_ = nullptr;
}

void element_queue::recycle(block& empty) noexcept {
    if (spare_ == nullptr) {
        spare_ = &empty;
    } else {
        ::operator delete(&empty, std::align_val_t{alignment_});
    }
}

} // namespace coir::detail
