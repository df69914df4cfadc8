// SPDX-License-Identifier: MIT
#pragma once
// Owns what a typed select case tells the untyped select.

#include <coir/detail/channel_core.hpp>
#include <coir/detail/config.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace coir::detail {

struct coroutine;

enum class select_kind : std::uint8_t {
    never,     ///< a nil handle
    send,      ///< `channel`, *value
    receive,   ///< `channel`, into the std::optional at `value`
    join,      ///< `task` has ended
    deadline,  ///< at `deadline_ns`
    otherwise, ///< when nothing else is ready
};

struct select_entry {
    select_kind kind = select_kind::never;
    bool succeeded = false; ///< of the committed case: false, the channel is closed
    channel_core* channel = nullptr;
    coroutine* task = nullptr;
    void* value = nullptr;
    std::int64_t deadline_ns = wait_for_ever_ns;
};

/// Commits exactly one of the entries, waiting if need be, and returns its index. The first that is
/// ready if `biased`, else one chosen uniformly among those that are. Throws `cancelled`, and
/// std::bad_alloc with nothing committed.
COIR_API std::size_t select_entries(std::span<select_entry* const> entries, bool biased);

} // namespace coir::detail
