// SPDX-License-Identifier: MIT
#pragma once
// Owns how the guard of a stack is made unreadable, and what that costs the process.

#include <cstddef>

namespace coir::detail {

/// advice: MADV_GUARD_INSTALL (Linux 6.13), which splits no mapping. protection: mprotect, which
/// costs two of the process's vm.max_map_count mappings a stack. automatic: whichever works.
enum class guard_method { automatic, advice, protection };

/// Makes `guard_bytes` at first, first + stride_bytes, ... unreadable, `count` guards in all, and
/// returns how many were made before the kernel refused (with errno set) or before the mappings
/// that mprotect may use were spent (ENOMEM).
std::size_t install_stack_guards(std::byte* first, std::size_t guard_bytes,
                                 std::size_t stride_bytes, std::size_t count,
                                 guard_method method) noexcept;

} // namespace coir::detail
