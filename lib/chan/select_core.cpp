// SPDX-License-Identifier: MIT
#include "chan/select_core.hpp"

#include "chan/channel_core.hpp"
#include "chan/select_source.hpp"
#include "sched/coroutine.hpp"
#include "sched/worker.hpp"
#include "timer/clock.hpp"
#include "wait/park.hpp"

#include <coir/cancelled.hpp>
#include <coir/detail/scheduling_point.hpp>

#include <algorithm>
#include <array>
#include <memory>
#include <system_error>
#include <vector>

namespace coir::detail {
namespace {

constexpr std::size_t none = static_cast<std::size_t>(-1);

/// Room for a few on the stack, for more on the heap.
template <typename T, std::size_t Few> class scratch {
public:
    explicit scratch(std::size_t count) {
        if (count > Few) many_ = std::make_unique<T[]>(count);
    }
    T* data() noexcept { return many_ != nullptr ? many_.get() : few_.data(); }
    T& operator[](std::size_t index) noexcept { return data()[index]; }

private:
    std::array<T, Few> few_;
    std::unique_ptr<T[]> many_;
};

constexpr std::size_t few_cases = 8;

fast_random& thread_random() noexcept {
    static std::atomic<std::uint64_t> seeds{0x2545f4914f6cdd1dULL};
    static thread_local fast_random own{seeds.fetch_add(0x9e3779b97f4a7c15ULL)};
    return own;
}

std::uint32_t random_below(std::uint32_t bound) noexcept {
    worker* const here = current_worker();
    return (here != nullptr ? here->random() : thread_random()).below(bound);
}

class selection {
public:
    selection(std::span<select_entry* const> entries, bool biased)
        : entries_{entries}, biased_{biased}, locks_(entries.size()), order_(entries.size()),
          nodes_(entries.size()) {}

    std::size_t run() {
        collect();
        return has_sources_ ? decide_with_sources() : decide();
    }

private:
    // Returns none where only a new look at the sources can tell.
    std::size_t decide() {
        for (spin_lock* const lock : held()) lock->lock();
        std::size_t chosen = none;
        try {
            chosen = commit_ready();
        } catch (...) {
            release_all();
            throw;
        }
        if (chosen != none) return chosen;
        if (otherwise_ != none) {
            release_all();
            return otherwise_;
        }
        return wait();
    }

    std::size_t decide_with_sources() {
        const entered_sources entered{entries_};
        waiter& self = current_waiter();
        std::vector<pollfd> polled;
        if (self.is_thread) {
            polled = polled_by(static_cast<thread_waiter&>(self), entries_);
            polled_ = polled;
        }
        for (;;) {
            look_at_sources(entries_);
            now_ns_ = 0;
            const std::size_t chosen = decide();
            if (chosen == none) continue;
            select_entry& entry = *entries_[chosen];
            if (entry.kind != select_kind::source || commit_source(entry)) return chosen;
        }
    }

    std::span<spin_lock*> held() noexcept { return {locks_.data(), lock_count_}; }

    void release_all() noexcept {
        for (spin_lock* const lock : held()) lock->unlock();
    }

    // The other side of the switch. The frame stays until this returns (park.cpp).
    static void release_all_of(void* argument) noexcept {
        selection& self = *static_cast<selection*>(argument);
        self.release_all();
        if (self.has_sources_ && current_worker() != nullptr) self.arm_sources();
    }

    void arm_sources() noexcept {
        for (select_entry* const entry : entries_) {
            if (entry->kind == select_kind::source) entry->source->arm();
        }
    }

    // Sorts the cases into: sources with locks (each lock once), the earliest deadline, otherwise.
    void collect() noexcept {
        for (std::size_t i = 0; i < entries_.size(); ++i) {
            const select_entry& entry = *entries_[i];
            switch (entry.kind) {
            case select_kind::send:
            case select_kind::receive: add_lock(entry.channel->lock); break;
            case select_kind::join: add_lock(entry.task->join_lock); break;
            case select_kind::source:
                if (entry.source != nullptr) add_lock(entry.source->lock);
                has_sources_ = true;
                break;
            case select_kind::deadline:
                if (deadline_ == none || entry.deadline_ns < entries_[deadline_]->deadline_ns) {
                    deadline_ = i;
                }
                break;
            case select_kind::otherwise: otherwise_ = i; continue;
            case select_kind::never: continue;
            }
            order_[order_count_++] = i;
        }
        if (lock_count_ > few_cases) {
            std::sort(locks_.data(), locks_.data() + lock_count_, std::less<>{});
            lock_count_ = static_cast<std::size_t>(
                std::unique(locks_.data(), locks_.data() + lock_count_) - locks_.data());
        }
    }

    // Insertion keeps a few sorted and single; many are sorted at the end.
    void add_lock(spin_lock& lock) noexcept {
        if (lock_count_ >= few_cases) {
            locks_[lock_count_++] = &lock;
            return;
        }
        std::size_t at = lock_count_;
        while (at > 0 && std::less<>{}(&lock, locks_[at - 1])) --at;
        if (at > 0 && locks_[at - 1] == &lock) return;
        std::copy_backward(locks_.data() + at, locks_.data() + lock_count_,
                           locks_.data() + lock_count_ + 1);
        locks_[at] = &lock;
        ++lock_count_;
    }

    // Tries the cases in order, drawn at random as far as they are needed (Fisher and Yates).
    std::size_t commit_ready() {
        for (std::size_t i = 0; i < order_count_; ++i) {
            if (!biased_ && i + 1 < order_count_) {
                const auto left = static_cast<std::uint32_t>(order_count_ - i);
                std::swap(order_[i], order_[i + random_below(left)]);
            }
            if (commit_if_ready(*entries_[order_[i]])) return order_[i];
        }
        return none;
    }

    bool commit_if_ready(select_entry& entry) {
        switch (entry.kind) {
        case select_kind::send:
        case select_kind::receive: return commit_channel(entry);
        case select_kind::join:
            if (entry.task->joining.load(std::memory_order_relaxed) < join_state::finishing) {
                return false;
            }
            break;
        case select_kind::source:
            if (!is_source_ready(entry)) return false;
            break;
        case select_kind::deadline:
            if (entry.deadline_ns == never_ns || entry.deadline_ns > now_ns()) return false;
            break;
        default: return false;
        }
        release_all();
        return true;
    }

    bool commit_channel(select_entry& entry) {
        channel_core& channel = *entry.channel;
        const bool sends = entry.kind == select_kind::send;
        channel_core::hold got;
        const auto now = sends ? channel.begin_send(got) : channel.begin_receive(got);
        if (now == channel_core::readiness::must_wait) return false;
        entry.succeeded = now == channel_core::readiness::ready;
        if (!entry.succeeded) {
            release_all();
            return true;
        }
        release_all_but(channel.lock);
        if (sends) {
            channel.finish_send(got, entry.value);
        } else {
            channel.finish_receive(got, entry.value);
        }
        return true;
    }

    void release_all_but(const spin_lock& kept) noexcept {
        for (spin_lock* const lock : held()) {
            if (lock != &kept) lock->unlock();
        }
    }

    std::int64_t now_ns() noexcept {
        if (now_ns_ == 0) now_ns_ = monotonic_ns();
        return now_ns_;
    }

    std::size_t wait() {
        waiter& self = current_waiter();
        const std::uint64_t epoch = next_epoch(self);
        for (std::size_t i = 0; i < entries_.size(); ++i) enqueue(self, epoch, i);
        const std::int64_t deadline_ns =
            deadline_ != none ? entries_[deadline_]->deadline_ns : never_ns;
        const wait_kind kind = entries_.empty() ? wait_kind::for_ever : wait_kind::select;
        if (!polled_.empty()) static_cast<thread_waiter&>(self).polled = polled_;
        const std::size_t result = park(self, {kind, &entries_, release_all_of, this, deadline_ns});
        if (!polled_.empty()) static_cast<thread_waiter&>(self).polled = {};
        for (std::size_t i = 0; i < entries_.size(); ++i) {
            if (i != result) withdraw(i);
        }
        if (result == wait_cancelled) throw cancelled{};
        if (result == wait_timed_out) return deadline_;
        if (result == wait_polled) return none;
        entries_[result]->succeeded = nodes_[result].succeeded;
        const bool by_source = entries_[result]->kind == select_kind::source;
        return by_source && !nodes_[result].succeeded ? none : result;
    }

    void enqueue(waiter& self, std::uint64_t epoch, std::size_t index) noexcept {
        const select_entry& entry = *entries_[index];
        wait_node& node = nodes_[index];
        node.linked = false;
        node.party = &self;
        node.epoch = epoch;
        node.index = index;
        node.value = entry.value;
        node.succeeded = false;
        switch (entry.kind) {
        case select_kind::send: entry.channel->enqueue_sender(node); break;
        case select_kind::receive: entry.channel->enqueue_receiver(node); break;
        case select_kind::join: entry.task->joiners.push_back(node); break;
        case select_kind::source: entry.source->enqueue(node); break;
        default: break;
        }
    }

    void withdraw(std::size_t index) noexcept {
        const select_entry& entry = *entries_[index];
        wait_node& node = nodes_[index];
        switch (entry.kind) {
        case select_kind::send: entry.channel->withdraw_sender(node); break;
        case select_kind::receive: entry.channel->withdraw_receiver(node); break;
        case select_kind::join: {
            const std::lock_guard guard{entry.task->join_lock};
            if (node.linked) entry.task->joiners.remove(node);
            break;
        }
        case select_kind::source: entry.source->withdraw(node); break;
        default: break;
        }
    }

    const std::span<select_entry* const> entries_;
    const bool biased_;
    bool has_sources_ = false;
    std::span<pollfd> polled_; // by a thread that waits for sources
    std::size_t lock_count_ = 0;
    std::size_t order_count_ = 0;
    std::size_t deadline_ = none;
    std::size_t otherwise_ = none;
    std::int64_t now_ns_ = 0;
    scratch<spin_lock*, few_cases> locks_;
    scratch<std::size_t, few_cases> order_;
    scratch<wait_node, few_cases> nodes_;
};

} // namespace

namespace {

// A simulation knows nothing of the world outside: its poller refuses operations, and we readiness.
void refuse_sources(std::span<select_entry* const> entries) {
    for (const select_entry* const entry : entries) {
        if (entry->source == nullptr) continue;
        throw std::system_error{std::make_error_code(std::errc::operation_not_supported),
                                "select on I/O inside a simulation"};
    }
}

} // namespace

std::size_t select_entries(std::span<select_entry* const> entries, bool biased) {
    if (scheduling_point(step::select)) refuse_sources(entries);
    return selection{entries, biased}.run();
}

} // namespace coir::detail
