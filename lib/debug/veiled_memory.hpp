// SPDX-License-Identifier: MIT
#pragma once
// Owns the ways in which the reports keep what they have seen of a program, so that it is never
// taken for the program's own: reachability.hpp looks for pointers in all memory, in freed blocks
// too.

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <new>

namespace coir::detail {

/// An address that does not look like one where it lies.
class veiled_address {
public:
    veiled_address() noexcept = default;
    explicit veiled_address(std::uint64_t address) noexcept : inverted_{~address} {}
    explicit veiled_address(const void* object) noexcept
        : veiled_address{reinterpret_cast<std::uintptr_t>(object)} {}
    [[nodiscard]] std::uint64_t get() const noexcept { return ~inverted_; }
    [[nodiscard]] const void* pointer() const noexcept {
        return reinterpret_cast<const void*>(~inverted_);
    }

private:
    std::uint64_t inverted_ = ~std::uint64_t{0};
};

/// Memory for containers that is gone once they have let go of it.
template <typename Element> struct passing_memory {
    using value_type = Element;
    passing_memory() noexcept = default;
    template <typename Other> passing_memory(const passing_memory<Other>&) noexcept {}
    Element* allocate(std::size_t count) {
        void* const found = ::mmap(nullptr, count * sizeof(Element), PROT_READ | PROT_WRITE,
                                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (found == MAP_FAILED) throw std::bad_alloc{};
        return static_cast<Element*>(found);
    }
    void deallocate(Element* elements, std::size_t count) noexcept {
        ::munmap(elements, count * sizeof(Element));
    }
    friend bool operator==(const passing_memory&, const passing_memory&) noexcept { return true; }
};

} // namespace coir::detail
