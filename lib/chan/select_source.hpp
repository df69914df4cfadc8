// SPDX-License-Identifier: MIT
#pragma once
// Owns what select needs of a thing outside coir that becomes ready, such as a descriptor.
//
// Whether it is ready only a system call can tell, and those have no place under the locks of a
// select. So the select looks first, takes the locks, and waits with a node in the source's queue;
// `arm` then has the kernel tell of readiness, by its level: what became ready in between is told
// at once. Being woken is a hint, nothing has been taken from the source yet. The case's attempt
// takes, without waiting, and only in the select that chose it: so nothing is lost by a case that
// was not chosen, and where somebody was faster the select waits on.
//
// A thread is no worker and has no ring: it sleeps in poll(2) on the descriptors themselves.

#include "wait/thread_waiter.hpp"
#include "wait/wait_queue.hpp"

#include <coir/detail/select_entry.hpp>

#include <poll.h>

#include <span>
#include <vector>

namespace coir::detail {

class select_source : public wait_source {
public:
    select_source() = default;
    select_source(const select_source&) = delete;
    select_source& operator=(const select_source&) = delete;

    /// Keeps the source from being closed until `leave`; false if it is closed.
    [[nodiscard]] virtual bool enter() noexcept = 0;
    virtual void leave() noexcept = 0;

    /// Tells whether it is ready; entered, no lock held.
    [[nodiscard]] virtual bool look() noexcept = 0;
    /// Tells whether it has been closed since it was entered; lock held or not.
    [[nodiscard]] virtual bool closing() const noexcept = 0;

    /// With the lock held. The node's `succeeded` will say whether readiness woke it.
    virtual void enqueue(wait_node& node) noexcept = 0;
    /// Without the lock.
    virtual void withdraw(wait_node& node) noexcept = 0;
    /// Sees to it that those in the queue are woken; on a worker, without the lock.
    virtual void arm() noexcept = 0;

    /// What a thread waits for by itself.
    [[nodiscard]] virtual pollfd polled() const noexcept = 0;

protected:
    ~select_source() = default;
};

/// While it lives the sources among the entries stay as they are; those that were open.
class entered_sources {
public:
    explicit entered_sources(std::span<select_entry* const> entries) noexcept;
    entered_sources(const entered_sources&) = delete;
    entered_sources& operator=(const entered_sources&) = delete;
    ~entered_sources();

private:
    const std::span<select_entry* const> entries_;
};

void look_at_sources(std::span<select_entry* const> entries) noexcept;

/// Whether the entry is ready as of the last look; with its lock held.
[[nodiscard]] bool is_source_ready(const select_entry& entry) noexcept;

/// Makes the attempt of the chosen entry; false: it is not ready after all.
[[nodiscard]] bool commit_source(select_entry& entry) noexcept;

/// What a thread's wait polls: the open sources, and its wake descriptor. Throws std::system_error.
[[nodiscard]] std::vector<pollfd> polled_by(thread_waiter& self,
                                            std::span<select_entry* const> entries);

} // namespace coir::detail
