// SPDX-License-Identifier: MIT
#include "chan/select_core.hpp"

#include "chan/channel_core.hpp"
#include "chan/select_source.hpp"
#include "ring/simulated_sockets.hpp"
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
constexpr std::size_t contended = static_cast<std::size_t>(-2);

/// Room for a few on the stack, for more on the heap; only what is asked for is made.
template <typename T, std::size_t Few> class scratch {
    static_assert(std::is_trivially_destructible_v<T>);

public:
    explicit scratch(std::size_t count) {
        if (count > Few) [[unlikely]] {
            many_ = std::make_unique<T[]>(count);
            data_ = many_.get();
        } else {
            data_ = reinterpret_cast<T*>(few_);
            std::uninitialized_default_construct_n(data_, count);
        }
    }
    T* data() noexcept { return data_; }
    T& operator[](std::size_t index) noexcept { return data_[index]; }

private:
    T* data_;
    std::unique_ptr<T[]> many_;
    alignas(T) std::byte few_[Few * sizeof(T)];
};

constexpr std::size_t few_cases = 16;

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
        : entries_{entries}, biased_{biased}, locks_(entries.size()), order_(entries.size()) {}

    std::size_t run() {
        collect();
        return has_sources_ ? decide_with_sources() : decide();
    }

private:
    // Returns none where only a new look at the sources can tell.
    std::size_t decide() {
        const struct release_at_exception {
            selection& self;
            ~release_at_exception() { self.release_all(); } // else it has happened already
        } guard{*this};
        std::size_t chosen = contended;
        if (order_count_ <= few_cases) chosen = commit_while_locking();
        if (chosen == contended) {
            lock_all();
            chosen = commit_ready();
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

    std::span<biased_lock*> held() noexcept { return {locks_.data(), lock_count_}; }

    void release_all() noexcept {
        for (biased_lock* const lock : held()) lock->unlock();
        lock_count_ = 0;
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

    // Sorts the cases into: those that may be ready, the earliest deadline, otherwise.
    void collect() noexcept {
        for (std::size_t i = 0; i < entries_.size(); ++i) {
            const select_entry& entry = *entries_[i];
            switch (entry.kind) {
            case select_kind::send:
            case select_kind::receive:
            case select_kind::join: break;
            case select_kind::source: has_sources_ = true; break;
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
    }

    static biased_lock* lock_of(const select_entry& entry) noexcept {
        switch (entry.kind) {
        case select_kind::send:
        case select_kind::receive: return &entry.channel->lock;
        case select_kind::join: return &entry.task->join_lock;
        case select_kind::source: return entry.source != nullptr ? &entry.source->lock : nullptr;
        default: return nullptr;
        }
    }

    // In the order of their addresses, each once.
    void lock_all() noexcept {
        for (std::size_t i = 0; i < order_count_; ++i) {
            if (biased_lock* const lock = lock_of(*entries_[order_[i]]))
                locks_[lock_count_++] = lock;
        }
        biased_lock** const end = locks_.data() + lock_count_;
        std::sort(locks_.data(), end, std::less<>{});
        lock_count_ = static_cast<std::size_t>(std::unique(locks_.data(), end) - locks_.data());
        for (biased_lock* const lock : held()) lock->lock();
    }

    // Draws the next case at random, as far as cases are needed (Fisher and Yates).
    select_entry& draw(std::size_t turn) noexcept {
        if (!biased_ && turn + 1 < order_count_) {
            const auto left = static_cast<std::uint32_t>(order_count_ - turn);
            std::swap(order_[turn], order_[turn + random_below(left)]);
        }
        return *entries_[order_[turn]];
    }

    // Only the first lock is waited for: whoever holds another one gets all of ours back.
    std::size_t commit_while_locking() {
        for (std::size_t turn = 0; turn < order_count_; ++turn) {
            select_entry& entry = draw(turn);
            if (!hold_also(lock_of(entry))) {
                release_all();
                return contended;
            }
            if (may_be_ready(entry) && commit_if_ready(entry)) return order_[turn];
        }
        return none;
    }

    bool hold_also(biased_lock* lock) noexcept {
        if (lock == nullptr) return true;
        if (lock->lock_at_once()) [[likely]] {
            locks_[lock_count_++] = lock;
            return true;
        }
        return hold_also_slowly(lock);
    }

    COIR_NOINLINE bool hold_also_slowly(biased_lock* lock) noexcept {
        if (lock_count_ == 0) {
            lock->lock();
        } else if (!lock->try_lock()) { // taken: by us, where a channel stands in several cases?
            return std::ranges::find(held(), lock) != held().end();
        }
        locks_[lock_count_++] = lock;
        return true;
    }

    std::size_t commit_ready() {
        for (std::size_t turn = 0; turn < order_count_; ++turn) {
            if (commit_if_ready(draw(turn))) return order_[turn];
        }
        return none;
    }

    // A look that costs little, before commit_if_ready() makes sure.
    static bool may_be_ready(const select_entry& entry) noexcept {
        switch (entry.kind) {
        case select_kind::send: return entry.channel->may_send();
        case select_kind::receive: return entry.channel->may_receive();
        default: return true;
        }
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
        if (channel.is_trivial()) return commit_trivial(entry, sends);
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

    bool commit_trivial(select_entry& entry, bool sends) {
        wait_node* served = nullptr;
        const auto now = sends ? entry.channel->put_trivial(entry.value, served)
                               : entry.channel->take_trivial(entry.value, served);
        if (now == channel_core::readiness::must_wait) return false;
        entry.succeeded = now == channel_core::readiness::ready;
        release_all();
        if (served != nullptr) wake(*served->party);
        return true;
    }

    void release_all_but(const biased_lock& kept) noexcept {
        for (biased_lock* const lock : held()) {
            if (lock != &kept) lock->unlock();
        }
        lock_count_ = 0;
    }

    std::int64_t now_ns() noexcept {
        if (now_ns_ == 0) now_ns_ = monotonic_ns();
        return now_ns_;
    }

    std::size_t wait() {
        waiter& self = current_waiter();
        const std::uint64_t epoch = next_epoch(self);
        scratch<wait_node, few_cases> nodes{entries_.size()};
        for (std::size_t i = 0; i < entries_.size(); ++i) enqueue(self, epoch, i, nodes[i]);
        const std::int64_t deadline_ns =
            deadline_ != none ? entries_[deadline_]->deadline_ns : never_ns;
        const wait_kind kind = entries_.empty() ? wait_kind::for_ever : wait_kind::select;
        if (!polled_.empty()) static_cast<thread_waiter&>(self).polled = polled_;
        const std::size_t result = park(self, {kind, &entries_, release_all_of, this, deadline_ns});
        if (!polled_.empty()) static_cast<thread_waiter&>(self).polled = {};
        for (std::size_t i = 0; i < entries_.size(); ++i) {
            if (i != result) withdraw(i, nodes[i]);
        }
        if (result == wait_cancelled) throw cancelled{};
        if (result == wait_timed_out) return deadline_;
        if (result == wait_polled) return none;
        entries_[result]->succeeded = nodes[result].succeeded;
        const bool by_source = entries_[result]->kind == select_kind::source;
        return by_source && !nodes[result].succeeded ? none : result;
    }

    void enqueue(waiter& self, std::uint64_t epoch, std::size_t index, wait_node& node) noexcept {
        const select_entry& entry = *entries_[index];
        node.party = &self;
        node.epoch = epoch;
        node.index = index;
        node.value = entry.value;
        switch (entry.kind) {
        case select_kind::send: entry.channel->enqueue_sender(node); break;
        case select_kind::receive: entry.channel->enqueue_receiver(node); break;
        case select_kind::join: entry.task->joiners.push_back(node); break;
        case select_kind::source: entry.source->enqueue(node); break;
        default: break;
        }
    }

    void withdraw(std::size_t index, wait_node& node) noexcept {
        const select_entry& entry = *entries_[index];
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
    scratch<biased_lock*, few_cases> locks_;
    scratch<std::size_t, few_cases> order_;
};

// A simulation knows nothing of the world outside: its poller refuses operations, and we readiness.
void refuse_outside(std::span<select_entry* const> entries) {
    for (const select_entry* const entry : entries) {
        if (entry->source == nullptr) continue;
        const int fd = entry->source->polled().fd;
        if (fd < 0 || is_simulated(fd)) continue; // closed, which is said later
        throw std::system_error{std::make_error_code(std::errc::operation_not_supported),
                                "select on I/O inside a simulation"};
    }
}

// How many cases take part in the draws, see collect().
std::size_t count_drawn(std::span<select_entry* const> entries) {
    return static_cast<std::size_t>(std::ranges::count_if(entries, [](const select_entry* entry) {
        return entry->kind != select_kind::otherwise && entry->kind != select_kind::never;
    }));
}

} // namespace

std::size_t select_entries(std::span<select_entry* const> entries, bool biased) {
    if (scheduling_point(step::select)) {
        refuse_outside(entries);
        if (!biased) prepare_simulated_draws(count_drawn(entries));
    }
    count_operation();
    return selection{entries, biased}.run();
}

} // namespace coir::detail
