// SPDX-License-Identifier: MIT
#pragma once
// Owns the list of the threads that coir itself has started.
//
// Threads inherit the name of the thread that makes them, so a name does not tell whose a thread
// is.

#include <sys/types.h>

#include <vector>

namespace coir::detail {

/// While it lives, the thread that made it is one of coir's own, named `name` (15 characters).
class own_thread {
public:
    explicit own_thread(const char* name);
    own_thread(const own_thread&) = delete;
    own_thread& operator=(const own_thread&) = delete;
    ~own_thread();
};

[[nodiscard]] bool is_own_thread(pid_t thread);
[[nodiscard]] std::vector<pid_t> own_threads();

} // namespace coir::detail
