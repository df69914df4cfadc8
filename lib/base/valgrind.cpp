// SPDX-License-Identifier: MIT
#include "base/valgrind.hpp"

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#endif

namespace coir::detail {

bool runs_on_valgrind() noexcept {
#ifdef RUNNING_ON_VALGRIND
    return RUNNING_ON_VALGRIND != 0;
#else
    return false;
#endif
}

} // namespace coir::detail
