// SPDX-License-Identifier: MIT
#pragma once
// Owns the memory of a channel's buffer: a first-in first-out queue of slots in linked blocks.
//
// A slot goes  reserved (at the tail) -> filled -> taken (at the head) -> released.  The moves into
// and out of a slot happen between those steps, outside the channel's lock, so slots keep their
// addresses and may be filled and released out of order.
// Elements that are copied under the lock need none of these states: push() and pop() do with two
// pointers. A queue is for the one or for the other, see `plain`. All functions are called under
// the lock.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

namespace coir::detail {

/// Copies an element of element_way::word.
inline void copy_word(void* to, const void* from, std::size_t size) noexcept {
    switch (size) {
    case 1: std::memcpy(to, from, 1); break;
    case 4: std::memcpy(to, from, 4); break;
    case 8: std::memcpy(to, from, 8); break;
    default: std::memcpy(to, from, 16);
    }
}

class element_queue {
public:
    struct block;
    struct slot {
        block* home = nullptr;
        std::byte* element = nullptr;
    };

    /// `plain`: for push() and pop(), else for slots. `expected` limits the size of a block for
    /// channels that never hold much.
    element_queue(std::size_t element_bytes, std::size_t alignment, bool plain,
                  std::size_t expected) noexcept;
    element_queue(const element_queue&) = delete;
    element_queue& operator=(const element_queue&) = delete;
    /// Frees the memory; the elements are the owner's to destroy.
    ~element_queue();

    /// How many slots are reserved or filled, and not taken.
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    // Plain elements.

    /// Whether push() needs no memory.
    [[nodiscard]] bool has_place() const noexcept { return tail_at_ != tail_end_; }
    /// Throws std::bad_alloc with nothing changed.
    void make_place() {
        if (!has_place()) append_block();
    }
    /// Adds a place at the tail; there must be one.
    [[nodiscard]] std::byte* push() noexcept {
        ++size_;
        return std::exchange(tail_at_, tail_at_ + stride_);
    }
    /// Takes the last push() back.
    void unpush() noexcept {
        --size_;
        tail_at_ -= stride_; // an empty block at the tail is fine: the next push begins it
    }
    /// Of a queue that is not empty.
    [[nodiscard]] const std::byte* front() const noexcept { return head_at_; }
    [[nodiscard]] bool front_ends_block() const noexcept { return head_at_ + stride_ == head_end_; }
    void pop() noexcept {
        block* const home = head_;
        if (advance_head()) [[unlikely]]
            recycle(*home);
    }
    /// pop() where the front does not end its block.
    void pop_within_block() noexcept {
        --size_;
        head_at_ += stride_;
    }

    // Slots.

    /// Adds a slot at the tail. Throws std::bad_alloc with nothing changed.
    slot reserve() {
        make_place();
        std::byte* const element = push();
        filled(element) = false;
        return {tail_, element};
    }
    /// Takes the last reservation back; it must be the newest.
    void unreserve() noexcept { unpush(); }

    void mark_filled(const slot& one) noexcept { filled(one.element) = true; }

    [[nodiscard]] bool front_is_filled() const noexcept { return size_ != 0 && filled(head_at_); }

    slot take() noexcept {
        const slot first{head_, head_at_};
        advance_head();
        return first;
    }

    void release(const slot& released) noexcept {
        if (++released.home->released == slots_) [[unlikely]]
            recycle(*released.home);
    }

    struct block {
        block* next = nullptr;
        std::uint32_t released = 0; ///< of its slots
    };

private:
    static constexpr std::size_t most_slots = 64;

    // A byte behind the element says whether its slot is filled.
    [[nodiscard]] bool& filled(std::byte* element) const noexcept {
        return *reinterpret_cast<bool*>(element + element_bytes_);
    }
    // Whether the first block has been left.
    bool advance_head() noexcept {
        --size_;
        head_at_ += stride_;
        if (head_at_ != head_end_) return false;
        leave_block();
        return true;
    }
    void append_block();
    void enter_head() noexcept;
    void leave_block() noexcept;
    void recycle(block& empty) noexcept;

    std::size_t size_ = 0;
    std::byte* tail_at_ = nullptr; ///< of the next element, unless it is tail_end_
    std::byte* tail_end_ = nullptr;
    std::byte* head_at_ = nullptr;
    std::byte* head_end_ = nullptr;
    const std::size_t element_bytes_;
    const std::size_t stride_;
    const std::size_t alignment_;
    const std::size_t elements_offset_;
    const std::uint32_t slots_;
    block* head_ = nullptr;
    block* tail_ = nullptr;
    block* spare_ = nullptr; ///< so that a steady stream allocates nothing
};

} // namespace coir::detail
