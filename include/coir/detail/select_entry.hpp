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
class select_source;

enum class select_kind : std::uint8_t {
    never,     ///< a nil handle
    send,      ///< `channel`, *value
    receive,   ///< `channel`, into the std::optional at `value`
    join,      ///< `task` has ended
    source,    ///< `source`, the outcome at `value`
    deadline,  ///< at `deadline_ns`
    otherwise, ///< when nothing else is ready
};

/// What a case at a source does once the source is ready, and how that ended.
struct source_outcome {
    /// Makes its system call, which must not wait, on the source's descriptor; returns zero or
    /// more, or -errno. -EAGAIN: somebody was faster, the select waits on. Null: being ready is
    /// all.
    int (*attempt)(int fd, void* argument) noexcept = nullptr;
    void* argument = nullptr;
    int result = 0; ///< of the attempt, or -EBADF, or -ECANCELED for closed meanwhile
};

struct select_entry {
    select_kind kind = select_kind::never;
    bool succeeded = false; ///< of the committed case: false, the channel is closed
    bool entered = false;   ///< a source: open, and held so during the select
    bool ready = false;     ///< a source: as of the last look
    channel_core* channel = nullptr;
    coroutine* task = nullptr;
    select_source* source = nullptr; ///< null: of a closed handle
    void* value = nullptr;
    std::int64_t deadline_ns = wait_for_ever_ns;
};

/// Commits exactly one of the entries, waiting if need be, and returns its index. The first that is
/// ready if `biased`, else one chosen uniformly among those that are. Throws `cancelled`, and
/// std::bad_alloc with nothing committed.
COIR_API std::size_t select_entries(std::span<select_entry* const> entries, bool biased);

} // namespace coir::detail
