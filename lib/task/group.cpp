// SPDX-License-Identifier: MIT
// Owns task groups: who is in them, and how they end.
//
// Invariants
//   A member's root scope is a child of the group's scope from before its launch to its end, so
//   that a cancellation reaches members by the tree, and one that comes too late for the tree is
//   inherited. `alive_` counts members, and those who have got a place and are about to launch one.
//   The group is freed by its owner after it has seen zero under the lock; the unlock before is a
//   member's last touch. Nobody waits for a place while there is one: a member that leaves hands
//   its place over.
// The group's scope and its owner: the scope is linked below the scope in which the group was made
// only while that coroutine is inside wait(). Elsewhere a cancellation makes the coroutine unwind,
// and the destructor cancels the members.
// Rejected: linking from constructor to destructor. A group may outlive the scope it was made in
// (on the heap, or returned from the body of a with_timeout), which then would leave a dangling
// child.

#include "sched/coroutine.hpp"
#include "task/local.hpp"
#include "wait/cancellation.hpp"
#include "wait/park.hpp"
#include "wait/wait_queue.hpp"

#include <coir/detail/scheduling_point.hpp>
#include <coir/group.hpp>

#include <mutex>
#include <optional>

namespace coir::detail {

class group_core {
public:
    explicit group_core(const task_group_options& options)
        : limit_{options.limit}, token_{options.stop}, home_{&current_waiter()},
          home_scope_{home_->scope} {
        if (token_.stop_possible()) on_stop_.emplace(token_, stopper{*this});
    }
    group_core(const group_core&) = delete;
    group_core& operator=(const group_core&) = delete;

    bool enter();
    void leave() noexcept;
    void launch(coroutine& member) noexcept;
    void join();
    void collect();
    void stop() noexcept { cancel(scope_); }
    void end() noexcept;
    // relaxed: a hint; who is told too late is cancelled by the scope.
    [[nodiscard]] bool stopped() const noexcept {
        return scope_.cancelled.load(std::memory_order_relaxed);
    }

private:
    struct stopper {
        group_core& group;
        void operator()() const noexcept { group.stop(); }
    };

    /// While it lives, the group is part of the scope that it was made in, if the caller is there.
    class homecoming {
    public:
        explicit homecoming(group_core& group) noexcept;
        homecoming(const homecoming&) = delete;
        homecoming& operator=(const homecoming&) = delete;
        ~homecoming();

    private:
        group_core& group_;
        bool linked_ = false;
    };

    static void end_member(coroutine& self) noexcept;
    static void release_lock(void* group) noexcept;
    void fail(std::exception_ptr failure) noexcept;
    /// Under the lock, which it releases; true when woken. Throws `cancelled`.
    void wait_in(wait_queue& queue);
    void wait_until_empty();

    biased_lock lock_;
    std::size_t alive_ = 0;
    const std::size_t limit_;
    wait_queue joiners_;
    wait_queue adders_;
    std::exception_ptr failure_;
    cancel_scope scope_;
    std::stop_token token_;
    waiter* const home_;
    cancel_scope* const home_scope_; ///< compared only: it may be gone
    std::optional<std::stop_callback<stopper>> on_stop_;
};

// --- Coming and going -----------------------------------------------------------------------

bool group_core::enter() {
    if (stopped()) return false;
    lock_.lock();
    if (limit_ != 0 && alive_ >= limit_) {
        wait_in(adders_); // the place is handed over
    } else {
        ++alive_;
        lock_.unlock();
    }
    if (!stopped()) return true;
    leave();
    return false;
}

void group_core::leave() noexcept {
    wake_list woken;
    {
        const std::lock_guard guard{lock_};
        if (wait_node* const adder = adders_.claim_first()) {
            woken.add(*adder);
        } else if (--alive_ == 0) {
            while (wait_node* const joiner = joiners_.claim_first()) woken.add(*joiner);
        }
    }
    woken.wake();
}

void group_core::launch(coroutine& member) noexcept {
    member.at_end = end_member;
    member.at_end_argument = this;
    link_scope(member.root_scope, scope_);
    // relaxed: nobody else knows it before the launch.
    member.joining.store(join_state::detached, std::memory_order_relaxed);
    launch_task(member);
}

// Nothing of the member's work is left when it leaves the group.
void group_core::end_member(coroutine& self) noexcept {
    group_core& group = *static_cast<group_core*>(self.at_end_argument);
    static_cast<const payload_operations*>(self.payload_operations)->drop_result(self.payload);
    unlink_scope(self.root_scope);
    self.root_scope.parent = nullptr;
    if (self.failure != nullptr) group.fail(std::exchange(self.failure, nullptr));
    drop_locals(self); // of the user's code that these have called
    group.leave();
}

void group_core::fail(std::exception_ptr failure) noexcept {
    {
        const std::lock_guard guard{lock_};
        if (failure_ != nullptr) return;
        failure_ = std::move(failure);
    }
    stop();
}

// --- Waiting --------------------------------------------------------------------------------

void group_core::release_lock(void* group) noexcept {
    static_cast<group_core*>(group)->lock_.unlock();
}

void group_core::wait_in(wait_queue& queue) {
    waiter& self = current_waiter();
    wait_node node;
    node.party = &self;
    node.epoch = next_epoch(self);
    queue.enqueue(node);
    if (park(self, {wait_kind::group, this, release_lock, this}) == 0) return;
    {
        const std::lock_guard guard{lock_};
        queue.withdraw(node);
    }
    throw cancelled{};
}

void group_core::wait_until_empty() {
    lock_.lock();
    if (alive_ != 0) return wait_in(joiners_);
    lock_.unlock();
}

group_core::homecoming::homecoming(group_core& group) noexcept : group_{group} {
    waiter& self = current_waiter();
    if (&self != group.home_) return;
    // Only own scopes are looked at: they are around us, so they exist.
    const cancel_scope* scope = self.scope;
    while (scope != nullptr && scope->owner == &self && scope != group.home_scope_) {
        if (scope->shielded) return; // what happens outside is not to disturb this wait
        scope = scope->parent;
    }
    if (scope == nullptr || scope != group.home_scope_ || scope->owner != &self) return;
    const bool before = group.stopped();
    link_scope(group.scope_, *group.home_scope_);
    linked_ = true;
    if (!before && group.stopped()) group.stop(); // linking marks the scope, not its children
}

group_core::homecoming::~homecoming() {
    if (!linked_) return;
    unlink_scope(group_.scope_);
    group_.scope_.parent = nullptr;
}

void group_core::join() {
    const homecoming here{*this};
    wait_until_empty();
}

void group_core::collect() {
    std::exception_ptr failure;
    bool was_cancelled = false;
    {
        const std::lock_guard guard{lock_};
        failure = std::exchange(failure_, nullptr);
        was_cancelled = stopped();
        // With nobody in it the scope is not in use: it begins anew.
        if (alive_ == 0 && was_cancelled) {
            scope_.cancelled.store(token_.stop_requested(), std::memory_order_relaxed);
        }
    }
    if (failure != nullptr) std::rethrow_exception(std::move(failure));
    if (was_cancelled) throw cancelled{};
}

void group_core::end() noexcept {
    lock_.lock();
    const bool empty = alive_ == 0;
    lock_.unlock();
    if (empty) return;
    const firm_section firm{current_waiter()};
    stop();
    wait_until_empty();
}

// --- The door for task_group ----------------------------------------------------------------

group_core* make_group(const task_group_options& options) { return new group_core{options}; }

void end_group(group_core* group) noexcept {
    group->end();
    delete group;
}

bool enter_group(group_core& group) {
    scheduling_point(step::acquire, &group);
    return group.enter();
}
void leave_group(group_core& group) noexcept { group.leave(); }
void launch_member(group_core& group, coroutine& member) noexcept { group.launch(member); }

void wait_for_group(group_core& group) {
    scheduling_point(step::wait, &group);
    group.join();
    group.collect();
}

void join_group(group_core& group) {
    scheduling_point(step::wait, &group);
    group.join();
}
void stop_group(group_core& group) noexcept {
    scheduling_point(step::stop, &group);
    group.stop();
}
bool is_group_stopped(const group_core& group) noexcept { return group.stopped(); }

} // namespace coir::detail
