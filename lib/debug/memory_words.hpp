// SPDX-License-Identifier: MIT
#pragma once
// Owns the look at every word of the process's writable memory, while no other thread runs
// (stopped_world.hpp), and memory of its own that does not belong to it.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace coir::detail {

struct address_range {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    [[nodiscard]] bool contains(std::uint64_t address) const noexcept {
        return address - begin < end - begin;
    }
};

/// Nothing in here allocates or takes a lock.
class memory_words {
public:
    memory_words() noexcept;
    memory_words(const memory_words&) = delete;
    memory_words& operator=(const memory_words&) = delete;
    ~memory_words();

    /// False: there is no memory, or the kernel shows none, or there was too much to leave out.
    /// Then nothing can be told.
    [[nodiscard]] bool usable() const noexcept { return usable_; }

    /// Zeroed memory for `count` objects, left out of the look; null if there is none. Given back
    /// by the destructor.
    template <typename Object> [[nodiscard]] std::span<Object> reserve(std::size_t count) noexcept {
        auto* const found = static_cast<Object*>(map(count * sizeof(Object)));
        return {found, found != nullptr ? count : 0};
    }

    /// Leaves [begin, end) out of the look at all memory.
    void leave_out(address_range range) noexcept;
    /// A thread that has halted at `sp`, on a mapping that is its stack only, has no use for what
    /// lies below.
    void leave_out_below(std::uint64_t sp) noexcept;

    using visitor = void (*)(std::span<const std::uint64_t> words, void* argument) noexcept;
    /// All that is writable, but for what was left out, devices, and the rings of io_uring.
    void visit_all(visitor see, void* argument) noexcept;

private:
    void* map(std::size_t bytes) noexcept;
    void visit_mapping(address_range mapping, visitor see, void* argument) noexcept;
    void visit_rest(address_range range, visitor see, void* argument) noexcept;
    void visit_pages(address_range range, visitor see, void* argument) noexcept;

    bool usable_ = false;
    int pages_ = -1; ///< /proc/self/pagemap
    std::array<address_range, 16> own_{};
    std::size_t own_count_ = 0;
    std::span<address_range> left_out_;
    std::size_t left_out_count_ = 0;
    std::span<std::uint64_t> halted_at_;
    std::size_t halted_count_ = 0;
    std::span<std::uint64_t> buffer_;
    std::span<std::uint64_t> page_states_;
};

} // namespace coir::detail
