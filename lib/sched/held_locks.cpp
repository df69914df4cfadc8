// SPDX-License-Identifier: MIT
#include "sched/held_locks.hpp"

#include "sched/reports.hpp"
#include "sched/runtime_core.hpp"
#include "sched/worker.hpp"

#include <unistd.h>
#include <unwind.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <new>
#include <set>
#include <utility>
#include <vector>

namespace coir::detail {
namespace {

using place_pair = std::pair<std::vector<std::uint64_t>, std::vector<std::uint64_t>>;

struct held_locks {
    std::mutex lock; // of the short look-ups here; nothing under it waits
    std::vector<held_lock> all;
    std::set<place_pair> reported;
    std::atomic<std::size_t> count{0};
};

held_locks& table() {
    static auto* const kept = new held_locks; // threads may outlive static destructors
    return *kept;
}

// Each pair of places is reported once: a loop would say it a million times.
bool is_news(held_locks& locks, const call_stack& locked_in, const call_stack& here) {
    const auto copy = [](std::span<const std::uint64_t> frames) {
        return std::vector<std::uint64_t>{frames.begin(), frames.end()};
    };
    return locks.reported.emplace(copy(locked_in.frames()), copy(here.frames())).second;
}

_Unwind_Reason_Code add_frame(_Unwind_Context* at, void* stack) {
    auto& into = *static_cast<call_stack*>(stack);
    int is_exact = 0;
    const std::uint64_t pc = _Unwind_GetIPInfo(at, &is_exact);
    if (pc == 0 || into.is_full()) return _URC_END_OF_STACK;
    into.add(is_exact != 0 ? pc : pc - 1); // a return address: the call is before it
    return _URC_NO_REASON;
}

bool is_checked(const coroutine* self) {
    if ((switch_watchers.load(std::memory_order_relaxed) & watched_for_locks) == 0) return false;
    return self == nullptr || self->runtime->settings().check_locks;
}

void look_at_held_locks(const coroutine& self, bool is_parking) {
    held_locks& locks = table();
    // relaxed: its own locks it has counted itself.
    if (locks.count.load(std::memory_order_relaxed) == 0 || !is_checked(&self)) return;
    std::vector<held_lock> news;
    call_stack here;
    {
        const std::lock_guard guard{locks.lock};
        for (const held_lock& one : locks.all) {
            if (one.coroutine != self.id) continue;
            if (here.frames().empty()) here = call_stack::here();
            if (is_news(locks, one.locked_in, here)) news.push_back(one);
        }
    }
    for (const held_lock& one : news) report_held_lock(self, is_parking, one, here);
}

} // namespace

COIR_NOINLINE call_stack call_stack::here() noexcept {
    call_stack stack;
    _Unwind_Backtrace(add_frame, &stack);
    return stack;
}

void check_locks() noexcept {
    // relaxed: a lock taken meanwhile may be missed.
    switch_watchers.fetch_or(watched_for_locks, std::memory_order_relaxed);
}

void watch_leaving(trace_event event, const coroutine& self, std::uint8_t detail) noexcept {
    if (tracing()) trace_running(event, self, detail);
    if (!is_checked(&self)) return;
    try {
        look_at_held_locks(self, event == trace_event::parked);
    } catch (const std::bad_alloc&) {} // then it goes unreported
}

// Threads are told apart by gettid(): pthread_self() is attribute-const, so that a compiler may
// keep its value for a coroutine that has come to another thread.

void add_held_lock(const void* mutex, bool is_shared) noexcept {
    const coroutine* const self = current_coroutine();
    if (!is_checked(self)) return;
    const held_lock added{mutex, self != nullptr ? self->id : 0, ::gettid(), is_shared,
                          call_stack::here()};
    held_locks& locks = table();
    try {
        const std::lock_guard guard{locks.lock};
        locks.all.push_back(added);
        locks.count.store(locks.all.size(), std::memory_order_relaxed);
    } catch (const std::bad_alloc&) {} // then it goes unchecked
}

void remove_held_lock(const void* mutex, bool is_shared) noexcept {
    const coroutine* const self = current_coroutine();
    if (!is_checked(self)) return;
    const std::uint64_t id = self != nullptr ? self->id : 0;
    const pid_t thread = ::gettid();
    held_lock removed;
    call_stack here;
    held_locks& locks = table();
    try {
        const std::lock_guard guard{locks.lock};
        const auto find = [&](auto matches) {
            return std::find_if(locks.all.rbegin(), locks.all.rend(), [&](const held_lock& one) {
                return one.mutex == mutex && one.is_shared == is_shared && matches(one);
            });
        };
        auto found = find([&](const held_lock& one) {
            return one.coroutine == id && (id != 0 || one.thread == thread);
        });
        // Not its own: of an exclusive lock there is one holder, of a shared one it could be any.
        if (found == locks.all.rend() && !is_shared) found = find([](auto&) { return true; });
        if (found == locks.all.rend()) return; // locked before checks were on
        removed = *found;
        locks.all.erase(std::prev(found.base()));
        locks.count.store(locks.all.size(), std::memory_order_relaxed);
        if (removed.coroutine == id && removed.thread == thread) return;
        here = call_stack::here();
        if (!is_news(locks, removed.locked_in, here)) return;
    } catch (const std::bad_alloc&) {
        return;
    }
    report_foreign_unlock(self, removed, here);
}

} // namespace coir::detail
