// SPDX-License-Identifier: MIT
#include "fiber/exception_state.hpp"

#include <cxxabi.h>

namespace coir::detail {

exception_state& thread_exception_state() noexcept {
    // Without the barrier the compiler may find out that this function only computes an address,
    // and merge two calls that stand on either side of a switch.
    asm volatile("" : : : "memory");
    return *reinterpret_cast<exception_state*>(abi::__cxa_get_globals());
}

} // namespace coir::detail
