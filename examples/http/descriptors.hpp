// SPDX-License-Identifier: MIT
#pragma once
// Owns what the examples need to know about file descriptors: how many may be open, how many are.

#include <sys/resource.h>

#include <cstddef>
#include <filesystem>
#include <iterator>

namespace web {

/// Raises the soft limit on descriptors to the hard one, as a program with many connections should
/// (the soft limit of 1,024 is there for users of select(2)).
inline void raise_descriptor_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

/// Counts the open descriptors of this process.
inline std::size_t open_descriptors() {
    const std::filesystem::directory_iterator entries("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(entries), end(entries))) - 1; // its own
}

} // namespace web
