// SPDX-License-Identifier: MIT
#pragma once
// Owns the file that a bound unix socket has in the file system.

#include <coir/detail/config.hpp>

#include <cstdint>
#include <string>

namespace coir::detail {

/// Removes the file at the end of its life, if it is still ours. Move-only.
class COIR_API socket_file {
public:
    socket_file() noexcept = default;
    /// The file that a socket has just made there; none for an abstract name.
    explicit socket_file(const std::string& path);
    socket_file(socket_file&& other) noexcept;
    socket_file& operator=(socket_file&& other) noexcept;
    ~socket_file() { remove(); }

    void remove() noexcept;

private:
    std::string path_; ///< absolute; empty: none
    std::uint64_t device_ = 0;
    std::uint64_t inode_ = 0;
    int process_ = 0; ///< a forked child removes nothing
};

} // namespace coir::detail
