// SPDX-License-Identifier: MIT
#include <coir/io/buffered_writer.hpp>

#include <cstdio>

namespace coir::detail {

void report_unwritten(std::size_t bytes, const char* reason) noexcept {
    std::fprintf(stderr, "coir: a buffered_writer could not write its last %zu bytes: %s\n", bytes,
                 reason);
}

} // namespace coir::detail
