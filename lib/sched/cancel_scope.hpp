// SPDX-License-Identifier: MIT
#pragma once
// Owns the record of one cancellation scope; what is done with it is in wait/cancellation.

#include "base/intrusive_list.hpp"
#include "base/spin_lock.hpp"

#include <atomic>
#include <stop_token>

namespace coir::detail {

struct waiter;

/// A node of the tree along which cancellation travels: from a scope to all inside it.
///
/// Each coroutine has a root scope. `with_timeout`, `shield` and the like push one more on the
/// coroutine's own stack; a task group has one whose children are its members' root scopes.
/// `lock` guards `children`, their links, `nested` and `stop`; locks are taken parent first.
struct cancel_scope : list_links<cancel_scope> {
    std::atomic<bool> cancelled{false};
    spin_lock lock;
    /// A shield: cancellation from outside ends here.
    bool shielded = false;
    /// The owner is in a deeper scope of its own: its waits are not this scope's business.
    bool nested = false;
    cancel_scope* parent = nullptr;
    /// Whose waits this scope governs; null for a group.
    waiter* owner = nullptr;
    intrusive_list<cancel_scope> children;
    /// Made when somebody asks for a std::stop_token of this scope.
    std::stop_source stop{std::nostopstate};
};

} // namespace coir::detail
