// SPDX-License-Identifier: MIT
#include "chan/select_core.hpp"

#include "chan/channel_core.hpp"
#include "chan/select_locks.hpp"
#include "chan/select_source.hpp"
#include "ring/simulated_sockets.hpp"
#include "sched/coroutine.hpp"
#include "sched/worker.hpp"
#include "timer/clock.hpp"
#include "wait/park.hpp"

#include <coir/cancelled.hpp>
#include <coir/detail/scheduling_point.hpp>

#include <algorithm>
#include <bit>
#include <system_error>
#include <vector>

namespace coir::detail {
namespace {

constexpr std::size_t none = static_cast<std::size_t>(-1);
constexpr std::size_t contended = static_cast<std::size_t>(-2);

constexpr std::size_t few_cases = select_locks::few;

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
        : entries_{entries}, biased_{biased}, locks_{entries.size()}, order_{entries.size()} {}

    std::size_t run() {
        collect();
        return has_sources_ ? decide_with_sources() : decide();
    }

private:
    // Returns none where only a new look at the sources can tell.
    std::size_t decide() {
        const struct release_at_exception {
            selection& self;
            ~release_at_exception() { self.locks_.release(); } // else it has happened already
        } guard{*this};
        std::size_t chosen = contended;
        if (order_count_ <= few_cases) chosen = commit_while_locking();
        if (chosen == contended) {
            lock_all();
            chosen = commit_ready();
        }
        if (chosen != none) return chosen;
        if (otherwise_ != none) {
            locks_.release();
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

    // The other side of the switch. The frame stays until this returns (park.cpp).
    static void release_all_of(void* argument) noexcept {
        selection& self = *static_cast<selection*>(argument);
        self.locks_.release();
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
            if (!is_channel(entry) && !collect_other(i, entry)) continue;
            order_[order_count_++] = i;
        }
    }

    // Whether it may be ready.
    bool collect_other(std::size_t i, const select_entry& entry) noexcept {
        switch (entry.kind) {
        case select_kind::otherwise: otherwise_ = i; return false;
        case select_kind::never: return false;
        case select_kind::source: has_sources_ = true; return true;
        case select_kind::deadline:
            if (deadline_ == none || entry.deadline_ns < entries_[deadline_]->deadline_ns) {
                deadline_ = i;
            }
            return true;
        default: return true;
        }
    }

    static bool is_channel(const select_entry& entry) noexcept {
        return entry.kind == select_kind::send || entry.kind == select_kind::receive;
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

    void lock_all() noexcept {
        for (std::size_t turn = 0; turn < order_count_; ++turn) {
            if (biased_lock* const lock = lock_of(at(turn))) locks_.name(*lock);
        }
        locks_.hold_named();
    }

    select_entry& at(std::size_t turn) noexcept { return *entries_[order_[turn]]; }

    // One of those from this turn on: the first, or any.
    std::size_t draw(std::size_t turn) noexcept {
        if (biased_ || turn + 1 >= order_count_) return turn;
        return turn + random_below(static_cast<std::uint32_t>(order_count_ - turn));
    }

    enum class sight : std::uint8_t { idle, ready, locked };

    // `ready` may turn out to be wrong, `idle` not.
    sight hold_and_look(const select_entry& entry, const worker* here) noexcept {
        if (!is_channel(entry)) return hold_other_and_look(entry, here);
        channel_core& channel = *entry.channel;
        if (!locks_.hold_also(channel.lock, here)) return sight::locked;
        const bool ready =
            entry.kind == select_kind::send ? channel.may_send() : channel.may_receive();
        return ready ? sight::ready : sight::idle;
    }

    COIR_NOINLINE sight hold_other_and_look(const select_entry& entry,
                                            const worker* here) noexcept {
        biased_lock* const lock = lock_of(entry);
        if (lock != nullptr && !locks_.hold_also(*lock, here)) return sight::locked;
        return is_other_ready(entry) ? sight::ready : sight::idle;
    }

    // Draws a case, and where that is not ready one of the others that are: so each that is ready
    // has the same chance, by two draws at most, and the first of them needs no other lock.
    std::size_t commit_while_locking() {
        if (order_count_ == 0) return none;
        const worker* const here = current_worker(); // nobody parks meanwhile
        const std::size_t first = draw(0);
        const sight seen = hold_and_look(at(first), here);
        if (seen == sight::ready && commit_if_ready(at(first))) return order_[first];
        if (seen == sight::locked) return give_back();
        std::swap(order_[0], order_[first]);
        return commit_one_of_the_others(here);
    }

    std::size_t commit_one_of_the_others(const worker* here) {
        std::uint32_t ready = 0; // a bit for each turn
        for (std::size_t turn = 1; turn < order_count_; ++turn) {
            const sight seen = hold_and_look(at(turn), here);
            if (seen == sight::idle) continue;
            if (seen == sight::locked) return give_back();
            if (!biased_) {
                ready |= 1U << turn;
            } else if (commit_if_ready(at(turn))) {
                return order_[turn];
            }
        }
        return commit_one_of(ready);
    }

    std::size_t give_back() noexcept {
        locks_.release();
        return contended;
    }

    // One that is set; the others may be above it.
    static std::uint32_t draw_bit(std::uint32_t bits) noexcept {
        if (std::has_single_bit(bits)) return bits;
        const auto count = static_cast<std::uint32_t>(std::popcount(bits));
        for (auto skip = random_below(count); skip != 0; --skip) bits &= bits - 1;
        return bits;
    }

    std::size_t commit_one_of(std::uint32_t turns) {
        while (turns != 0) {
            const auto turn = static_cast<std::size_t>(std::countr_zero(draw_bit(turns)));
            if (commit_if_ready(at(turn))) return order_[turn];
            turns &= ~(1U << turn);
        }
        return none;
    }

    std::size_t commit_ready() {
        for (std::size_t turn = 0; turn < order_count_; ++turn) {
            std::swap(order_[turn], order_[draw(turn)]); // Fisher and Yates
            if (commit_if_ready(at(turn))) return order_[turn];
        }
        return none;
    }

    bool is_other_ready(const select_entry& entry) noexcept {
        switch (entry.kind) {
        case select_kind::join:
            // relaxed: under the lock.
            return entry.task->joining.load(std::memory_order_relaxed) >= join_state::finishing;
        case select_kind::source: return is_source_ready(entry);
        case select_kind::deadline:
            return entry.deadline_ns != never_ns && entry.deadline_ns <= now_ns();
        default: return false;
        }
    }

    bool commit_if_ready(select_entry& entry) {
        if (is_channel(entry)) return commit_channel(entry);
        if (!is_other_ready(entry)) return false;
        locks_.release();
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
            locks_.release();
            return true;
        }
        locks_.release_but(channel.lock);
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
        locks_.release();
        if (served != nullptr) wake(*served->party);
        return true;
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
    std::size_t order_count_ = 0;
    std::size_t deadline_ = none;
    std::size_t otherwise_ = none;
    std::int64_t now_ns_ = 0;
    select_locks locks_;
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
