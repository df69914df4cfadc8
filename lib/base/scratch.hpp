// SPDX-License-Identifier: MIT
#pragma once
// Owns arrays whose length is known when they are made, and is nearly always small.

#include <cstddef>
#include <memory>
#include <type_traits>

namespace coir::detail {

/// Room for a few on the stack, for more on the heap; only what is asked for is made.
template <typename T, std::size_t Few> class scratch {
    static_assert(std::is_trivially_destructible_v<T>);

public:
    explicit scratch(std::size_t count) {
        if (count > Few) [[unlikely]] {
            many_ = std::make_unique<T[]>(count);
            data_ = many_.get();
        } else {
            data_ = reinterpret_cast<T*>(few_);
            std::uninitialized_default_construct_n(data_, count);
        }
    }
    T* data() noexcept { return data_; }
    T& operator[](std::size_t index) noexcept { return data_[index]; }
    const T& operator[](std::size_t index) const noexcept { return data_[index]; }

private:
    T* data_;
    std::unique_ptr<T[]> many_;
    alignas(T) std::byte few_[Few * sizeof(T)];
};

} // namespace coir::detail
