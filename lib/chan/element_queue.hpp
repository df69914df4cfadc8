// SPDX-License-Identifier: MIT
#pragma once
// Owns the memory of a channel's buffer: a first-in first-out queue of slots in linked blocks.
//
// A slot goes  reserved (at the tail) -> filled -> taken (at the head) -> released.  The moves into
// and out of a slot happen between those steps, outside the channel's lock, so slots keep their
// addresses and may be filled and released out of order. All functions are called under the lock.

#include <cstddef>
#include <cstdint>

namespace coir::detail {

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
    slot reserve();
    /// Takes the last reservation back; it must be the newest.
    void unreserve() noexcept;
    void mark_filled(const slot& filled) noexcept;
    [[nodiscard]] bool front_is_filled() const noexcept;
    slot take() noexcept;
    void release(const slot& released) noexcept;

private:
    block* make_block();
    [[nodiscard]] void* element_at(block& home, std::uint32_t index) const noexcept;

    const std::size_t stride_;
    const std::size_t alignment_;
    const std::size_t elements_offset_;
    const std::uint32_t slots_;
    std::size_t size_ = 0;
    block* head_ = nullptr;
    block* tail_ = nullptr;
    std::uint32_t head_index_ = 0;
    std::uint32_t tail_index_ = 0;
    block* spare_ = nullptr; ///< so that a steady stream allocates nothing
};

} // namespace coir::detail
