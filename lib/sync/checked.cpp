// SPDX-License-Identifier: MIT
#include "sched/held_locks.hpp"

#include <coir/sync/checked.hpp>

namespace coir::detail {

void note_locked(const void* mutex, bool is_shared) noexcept {
    if (switches_watched()) [[unlikely]]
        add_held_lock(mutex, is_shared);
}

void note_unlocked(const void* mutex, bool is_shared) noexcept {
    if (switches_watched()) [[unlikely]]
        remove_held_lock(mutex, is_shared);
}

} // namespace coir::detail
