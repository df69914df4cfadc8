// SPDX-License-Identifier: MIT
#pragma once
// Owns an open file descriptor that several coroutines may use while one closes it.
//
// close() marks, fences heavily, interrupts what is under way and waits until the last operation
// has left before the number is given back, so that no operation ever meets a descriptor that was
// opened anew under the same number. An operation enters, opens its wait, fences lightly, and then
// looks at the mark again: one of the two sees the other.

#include "base/intrusive_list.hpp"
#include "io/operation.hpp"
#include "sched/biased_lock.hpp"

#include <coir/detail/descriptor.hpp>
#include <coir/detail/io_case.hpp>

#include <atomic>

namespace coir::detail {

class watch;

class descriptor {
public:
    /// `kept_open`: the number is the process's (a standard stream), close() only ends the use.
    explicit descriptor(int fd, bool kept_open = false) noexcept : fd_{fd}, kept_open_{kept_open} {}
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    ~descriptor();

    /// -1 once closed. Only good for an operation that has entered, or by the owner.
    [[nodiscard]] int fd() const noexcept { return fd_.load(std::memory_order_relaxed); }

    /// Registers the operation; false when closed.
    [[nodiscard]] bool enter(io_operation& operation) noexcept;
    void leave(io_operation& operation) noexcept;
    [[nodiscard]] bool closing() const noexcept {
        return closing_.load(std::memory_order_relaxed); // ordered by the fences and the lock
    }

    /// While it lives the number is this descriptor's: for system calls made directly, which must
    /// be short. False when closed.
    class use {
    public:
        explicit use(descriptor& used) noexcept : used_{used}, open_{used.begin_use()} {}
        use(const use&) = delete;
        use& operator=(const use&) = delete;
        ~use() {
            if (open_) used_.end_use();
        }
        [[nodiscard]] explicit operator bool() const noexcept { return open_; }

    private:
        descriptor& used_;
        const bool open_;
    };

    /// Uses it as `use` does, for as long as a select takes; false when closed.
    [[nodiscard]] bool begin_use() noexcept;
    void end_use() noexcept;

    /// What selects wait at; made when first asked for, lives as long as the descriptor. Any
    /// thread. Throws std::bad_alloc.
    [[nodiscard]] watch& readiness(io_direction direction);

    /// Ends what is under way, waits for it, closes. Idempotent. Never throws, is never cancelled.
    void close() noexcept;
    /// As close(), but the number is returned, still open, -1 if it was closed.
    [[nodiscard]] int release() noexcept;

private:
    [[nodiscard]] bool begin_close() noexcept;
    void wait_until_left() noexcept;
    [[nodiscard]] bool in_use() const noexcept { return users_ != 0 || !under_way_.empty(); }
    /// Releases the lock; wakes the closer if nobody is left.
    void unlock_and_tell() noexcept;

    struct watches;

    std::atomic<int> fd_;
    const bool kept_open_;
    std::atomic<watches*> watches_{nullptr};
    biased_lock lock_;
    std::atomic<bool> closing_{false};
    intrusive_list<io_operation> under_way_; // guarded by lock_, as the next
    std::uint32_t users_ = 0;
    wait_node* closer_ = nullptr;
};

} // namespace coir::detail
