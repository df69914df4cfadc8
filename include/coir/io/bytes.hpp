// SPDX-License-Identifier: MIT
#pragma once
// Owns what I/O functions take for buffers: any contiguous memory of bytes or characters.

#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

namespace coir::io {

template <typename T>
concept byte_like =
    std::same_as<std::remove_cv_t<T>, std::byte> || std::same_as<std::remove_cv_t<T>, char> ||
    std::same_as<std::remove_cv_t<T>, unsigned char>;

/// Something contiguous of bytes or characters that knows its size. Only an array or a container
/// answers to std::data; the concepts of <ranges> would cost every user that header's compilation.
template <typename Range>
concept byte_range = requires(Range& memory) {
    { std::size(memory) } -> std::convertible_to<std::size_t>;
    requires byte_like<std::remove_pointer_t<decltype(std::data(memory))>>;
};

/// Memory to read into: a span, array, vector or string of std::byte or char.
class buffer {
public:
    /// Refers to memory, which must stay until the operation returns.
    buffer(void* data, std::size_t size) noexcept : data_{data}, size_{size} {}
    template <typename Range>
        requires byte_range<Range> &&
                     std::convertible_to<decltype(std::data(std::declval<Range&>())), void*>
    buffer(Range&& memory) noexcept : data_{std::data(memory)}, size_{std::size(memory)} {}

    /// The memory it refers to.
    [[nodiscard]] void* data() const noexcept { return data_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

private:
    void* data_;
    std::size_t size_;
};

/// Memory to write from: as for `buffer`, constant too. A string literal counts without its NUL.
class bytes {
public:
    /// Refers to memory, which must stay until the operation returns.
    bytes(const void* data, std::size_t size) noexcept : data_{data}, size_{size} {}
    template <typename Text>
        requires std::convertible_to<const Text&, std::string_view>
    bytes(const Text& text) noexcept {
        const std::string_view view = text;
        data_ = view.data();
        size_ = view.size();
    }
    template <typename Range>
        requires byte_range<const Range> && (!std::convertible_to<const Range&, std::string_view>)
    bytes(const Range& memory) noexcept : data_{std::data(memory)}, size_{std::size(memory)} {}

    /// The memory it refers to.
    [[nodiscard]] const void* data() const noexcept { return data_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

private:
    const void* data_ = nullptr;
    std::size_t size_ = 0;
};

} // namespace coir::io

namespace coir::detail {

/// What std::span{parts} says too, with the concepts of ranges, which every user would compile.
template <typename Part> std::span<const Part> span_of(std::initializer_list<Part> parts) noexcept {
    return std::span<const Part>{parts.begin(), parts.size()};
}

} // namespace coir::detail
