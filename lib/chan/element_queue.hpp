// SPDX-License-Identifier: MIT
#pragma once
// Owns the memory of a channel's buffer: a first-in first-out queue of slots in linked blocks.
//
// A slot goes  reserved (at the tail) -> filled -> taken (at the head) -> released.  The moves into
// and out of a slot happen between those steps, outside the channel's lock, so slots keep their
// addresses and may be filled and released out of order. All functions are called under the lock.

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace coir::detail {

// A call of memcpy costs more than the copying of a word or two.
inline void copy_bytes(void* to, const void* from, std::size_t size) noexcept {
    switch (size) {
    case 4: std::memcpy(to, from, 4); break;
    case 8: std::memcpy(to, from, 8); break;
    case 16: std::memcpy(to, from, 16); break;
    default: std::memcpy(to, from, size);
    }
}

class element_queue {
public:
    struct block;
    struct slot {
        block* home = nullptr;
        std::uint32_t index = 0;
        void* element = nullptr;
    };

    /// `expected` limits the size of a block for channels that never hold much.
    element_queue(std::size_t element_bytes, std::size_t alignment, std::size_t expected) noexcept;
    element_queue(const element_queue&) = delete;
    element_queue& operator=(const element_queue&) = delete;
    /// Frees the memory; the elements are the owner's to destroy.
    ~element_queue();

    /// How many slots are reserved or filled, and not taken.
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    /// Adds a slot at the tail. Throws std::bad_alloc with nothing changed.
    slot reserve() {
        if (tail_ == nullptr || tail_index_ == slots_) [[unlikely]]
            append_block();
        ++size_;
        const std::uint32_t index = tail_index_++;
        return {tail_, index, element_at(*tail_, index)};
    }

    /// Takes the last reservation back; it must be the newest.
    void unreserve() noexcept {
        --size_;
        --tail_index_; // an empty block at the tail is fine: the next reservation begins it
    }

    void mark_filled(const slot& filled) noexcept {
        filled.home->filled |= std::uint64_t{1} << filled.index;
    }

    [[nodiscard]] bool front_is_filled() const noexcept {
        return size_ != 0 && (head_->filled >> head_index_ & 1) != 0;
    }

    slot take() noexcept {
        --size_;
        block* const home = head_;
        const std::uint32_t index = head_index_++;
        if (head_index_ == slots_) [[unlikely]]
            leave_block();
        return {home, index, element_at(*home, index)};
    }

    void release(const slot& released) noexcept {
        if (++released.home->released == slots_) [[unlikely]]
            recycle(*released.home);
    }

    struct block {
        block* next = nullptr;
        std::uint64_t filled = 0; ///< a bit for each slot
        std::uint32_t released = 0;
    };

private:
    static constexpr std::size_t most_slots = 64;

    [[nodiscard]] void* element_at(block& home, std::uint32_t index) const noexcept {
        return reinterpret_cast<std::byte*>(&home) + elements_offset_ + stride_ * index;
    }
    void append_block();
    void leave_block() noexcept;
    void recycle(block& empty) noexcept;

    const std::size_t stride_;
    const std::size_t alignment_;
    const std::size_t elements_offset_;
    const std::uint32_t slots_;
    std::uint32_t head_index_ = 0;
    std::uint32_t tail_index_ = 0;
    std::size_t size_ = 0;
    block* head_ = nullptr;
    block* tail_ = nullptr;
    block* spare_ = nullptr; ///< so that a steady stream allocates nothing
};

} // namespace coir::detail
