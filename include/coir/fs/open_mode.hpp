// SPDX-License-Identifier: MIT
#pragma once
// Owns the ways in which a file is opened.

#include <cstdint>

namespace coir {

/// How a file is opened; combined with `|`. `truncate` and `append` imply `write`, `exclusive`
/// implies `create`.
enum class open_mode : std::uint8_t {
    read = 1,
    write = 2,
    create = 4,     ///< makes it if it does not exist, with the permissions that the umask leaves
    truncate = 8,   ///< cuts it to nothing
    append = 16,    ///< every write goes to the end, also when others write there
    exclusive = 32, ///< it must not exist: std::errc::file_exists
};

/// Modes are combined, and asked for, as bits are.
[[nodiscard]] constexpr open_mode operator|(open_mode left, open_mode right) noexcept {
    return static_cast<open_mode>(static_cast<unsigned>(left) | static_cast<unsigned>(right));
}
[[nodiscard]] constexpr open_mode operator&(open_mode left, open_mode right) noexcept {
    return static_cast<open_mode>(static_cast<unsigned>(left) & static_cast<unsigned>(right));
}
constexpr open_mode& operator|=(open_mode& left, open_mode right) noexcept {
    return left = left | right;
}

} // namespace coir
