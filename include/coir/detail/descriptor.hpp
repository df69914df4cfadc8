// SPDX-License-Identifier: MIT
#pragma once
// Owns how public handles hold a descriptor whose making is the library's.

#include <coir/detail/config.hpp>

#include <memory>

namespace coir::detail {

class descriptor;
struct descriptor_deleter {
    COIR_API void operator()(descriptor* closed) const noexcept;
};
using descriptor_pointer = std::unique_ptr<descriptor, descriptor_deleter>;

} // namespace coir::detail
