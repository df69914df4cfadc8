// SPDX-License-Identifier: MIT
#pragma once
// Owns the reading of DWARF's encodings from memory.

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace coir::detail {

class byte_reader {
public:
    explicit byte_reader(const std::byte* at) noexcept : at_{at} {}

    [[nodiscard]] const std::byte* position() const noexcept { return at_; }
    void skip(std::uint64_t count) noexcept { at_ += count; }

    template <typename Value> Value fixed() noexcept {
        Value value;
        std::memcpy(&value, at_, sizeof value);
        at_ += sizeof value;
        return value;
    }

    std::uint64_t uleb() noexcept {
        std::uint64_t value = 0;
        for (unsigned shift = 0;; shift += 7) {
            const auto byte = fixed<std::uint8_t>();
            if (shift < 64) value |= std::uint64_t{byte & 0x7fU} << shift;
            if ((byte & 0x80) == 0) return value;
        }
    }

    std::int64_t sleb() noexcept {
        std::uint64_t value = 0;
        for (unsigned shift = 0;;) {
            const auto byte = fixed<std::uint8_t>();
            if (shift < 64) value |= std::uint64_t{byte & 0x7fU} << shift;
            shift += 7;
            if ((byte & 0x80) != 0) continue;
            if (shift < 64 && (byte & 0x40) != 0) value |= ~std::uint64_t{0} << shift;
            return static_cast<std::int64_t>(value);
        }
    }

    /// A pointer in one of the encodings DW_EH_PE_*; `data` is what datarel is relative to.
    std::uint64_t pointer(std::uint8_t encoding, std::uint64_t data = 0) noexcept {
        const auto here = reinterpret_cast<std::uintptr_t>(at_);
        const std::uint64_t base = (encoding & 0x70) == 0x10   ? here
                                   : (encoding & 0x70) == 0x30 ? data
                                                               : 0;
        return base + plain(encoding & 0x0f);
    }
    /// The same format without what it is relative to: a length.
    std::uint64_t plain(std::uint8_t format) noexcept {
        switch (format) {
        case 0x01: return uleb();
        case 0x02: return fixed<std::uint16_t>();
        case 0x03: return fixed<std::uint32_t>();
        case 0x09: return static_cast<std::uint64_t>(sleb());
        case 0x0a: return static_cast<std::uint64_t>(std::int64_t{fixed<std::int16_t>()});
        case 0x0b: return static_cast<std::uint64_t>(std::int64_t{fixed<std::int32_t>()});
        default: return fixed<std::uint64_t>();
        }
    }

private:
    const std::byte* at_;
};

} // namespace coir::detail
