// SPDX-License-Identifier: MIT
#include "debug/reachability.hpp"

#include "base/own_thread.hpp"
#include "debug/halted_coroutines.hpp"
#include "debug/registers.hpp"
#include "debug/stopped_world.hpp"
#include "sched/deadlock.hpp"
#include "sched/runtime_core.hpp"
#include "wait/wait_queue.hpp"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <utility>

namespace coir::detail {
namespace {

class reachability {
public:
    using enum halted_coroutine::prospect;

    reachability(halted_coroutines& coroutines, memory_words& memory) noexcept
        : coroutines_{coroutines}, all_{coroutines.all()}, awaited_{coroutines.awaited()},
          alive_{memory.reserve<std::uint32_t>(all_.size() + 1)} {
        if (!awaited_.empty()) {
            awaited_range_ = {awaited_.front().where, awaited_.back().where + 1};
        }
    }

    /// False if there is no memory.
    bool spread(memory_words& memory) noexcept {
        if (alive_.empty()) return false;
        for (std::uint32_t i = 0; i < all_.size(); ++i) {
            if (all_[i].is == alive) alive_[alive_count_++] = i;
        }
        memory.visit_all(see, this);
        // Grows while it is gone through.
        for (std::size_t i = 0; i < alive_count_; ++i) follow(all_[alive_[i]]);
        return memory.usable();
    }

private:
    static void see(std::span<const std::uint64_t> words, void* self) noexcept {
        for (const std::uint64_t word : words) static_cast<reachability*>(self)->see(word);
    }

    void see(std::uint64_t word) noexcept {
        const std::uint32_t slot = coroutines_.slot_at(word);
        if (slot == halted_coroutines::nobody) {
            if (awaited_range_.contains(word)) see_awaited(word);
            return;
        }
        if (all_[slot].is != waiting) return;
        if (all_[slot].stack.contains(word) && !is_queue_link(word, all_[slot])) revive(slot);
    }

    // The queues that it waits in know its frame. Nobody else could mean those addresses.
    static bool is_queue_link(std::uint64_t word, const halted_coroutine& waiting_one) noexcept {
        if (word % alignof(wait_node) != 0 || word + sizeof(wait_node) > waiting_one.stack.end) {
            return false;
        }
        return reinterpret_cast<const wait_node*>(word)->party == waiting_one.record;
    }

    void see_awaited(std::uint64_t word) noexcept {
        std::size_t i = first_awaited(word);
        if (awaited_[i].where != word || std::exchange(awaited_[i].is_reached, true)) return;
        for (; i < awaited_.size() && awaited_[i].where == word; ++i) revive(awaited_[i].whom);
    }

    /// The number of the first at that address or a higher one.
    std::size_t first_awaited(std::uint64_t from) const noexcept {
        const auto found = std::ranges::lower_bound(awaited_, from, {}, &awaited_thing::where);
        return static_cast<std::size_t>(found - awaited_.begin());
    }

    void revive(std::uint32_t slot) noexcept {
        if (all_[slot].is != waiting) return;
        all_[slot].is = alive;
        alive_[alive_count_++] = slot;
    }

    // What one that goes on can use: its stack and callable, saved registers, group; whatever lies
    // on its stack, others may wait for; and for its own end.
    void follow(const halted_coroutine& one) noexcept {
        see_all(one.stack);
        const coroutine& co = *one.record;
        see_object(co.flow);
        if (co.at_end != nullptr) see(reinterpret_cast<std::uint64_t>(co.at_end_argument));
        see(reinterpret_cast<std::uint64_t>(co.root_scope.parent));
        const auto end = reinterpret_cast<std::uint64_t>(&co + 1);
        for (std::size_t i = first_awaited(one.stack.begin);
             i < awaited_.size() && awaited_[i].where < end; ++i) {
            revive(awaited_[i].whom);
        }
    }

    template <typename Object> void see_object(const Object& object) noexcept {
        const auto begin = reinterpret_cast<std::uint64_t>(&object);
        see_all({begin, begin + sizeof object});
    }

    void see_all(address_range range) noexcept {
        for (std::uint64_t at = (range.begin + 7) & ~std::uint64_t{7}; at + 8 <= range.end; at += 8)
            see(*reinterpret_cast<const std::uint64_t*>(at));
    }

    halted_coroutines& coroutines_;
    const std::span<halted_coroutine> all_;
    const std::span<awaited_thing> awaited_;
    address_range awaited_range_;
    std::span<std::uint32_t> alive_; ///< numbers of those that go on, first in, first out
    std::size_t alive_count_ = 0;
};

// What lies about of coroutines in the engine's own records, and what we ourselves have written,
// says nothing about what the program can reach.
void leave_out_own_records(std::span<runtime_core* const> runtimes, memory_words& memory) noexcept {
    const auto leave_out = [&](const void* begin, std::size_t bytes) {
        const auto address = reinterpret_cast<std::uint64_t>(begin);
        memory.leave_out({address, address + bytes});
    };
    for (runtime_core* const runtime : runtimes) {
        for (std::size_t i = 0; i < runtime->worker_count(); ++i) {
            worker& one = runtime->worker_at(i);
            leave_out(&one, sizeof one);
            if (one.seen_running() != nullptr)
                memory.leave_out_below(registers_of(one.suspended_loop().machine).sp());
            const std::span<const std::byte> idle = one.timers().idle_memory();
            leave_out(idle.data(), idle.size());
        }
    }
}

address_range own_stack() noexcept {
    pthread_attr_t attributes;
    if (::pthread_getattr_np(::pthread_self(), &attributes) != 0) return {};
    void* low = nullptr;
    std::size_t bytes = 0;
    ::pthread_attr_getstack(&attributes, &low, &bytes);
    ::pthread_attr_destroy(&attributes);
    const auto begin = reinterpret_cast<std::uint64_t>(low);
    return {begin, begin + bytes};
}

// Where handlers run. After one that halted this thread earlier, old registers lie there.
address_range own_signal_stack() noexcept {
    stack_t found{};
    if (::sigaltstack(nullptr, &found) != 0 || found.ss_flags != 0) return {};
    const auto begin = reinterpret_cast<std::uint64_t>(found.ss_sp);
    return {begin, begin + found.ss_size};
}

bool is_sleeping_worker(pid_t thread, std::span<runtime_core* const> runtimes) noexcept {
    for (runtime_core* const runtime : runtimes) {
        for (std::size_t i = 0; i < runtime->worker_count(); ++i) {
            const worker& one = runtime->worker_at(i);
            if (one.thread() == thread) return runtime->idle().seen_asleep(one);
        }
    }
    return false;
}

// Of coir's threads and the main thread the stacks are mapped alone, between guards. A worker that
// sleeps has no use for its registers either, which the handler has saved: whom it ran last may
// have left old pointers there, in vector registers, and they stay until it runs somebody else.
void leave_out_idle_stacks(const stopped_world& world, std::span<runtime_core* const> runtimes,
                           std::span<const pid_t> own_threads, memory_words& memory) noexcept {
    for (const halted_thread& thread : world.threads()) {
        if (thread.handler_stack != 0) {
            const bool sleeps = is_sleeping_worker(thread.id, runtimes);
            memory.leave_out(
                {thread.handler_stack, sleeps ? thread.handler_stack_end : thread.handler_sp});
        }
        const bool is_own = std::ranges::find(own_threads, thread.id) != own_threads.end();
        if (!is_own && thread.id != ::getpid()) continue;
        const bool on_same = thread.handler_sp < thread.sp && thread.handler_stack == 0;
        memory.leave_out_below(on_same ? thread.handler_sp : thread.sp);
    }
}

struct search_request {
    unreachable_coroutines found;
    std::uint64_t asker_sp = 0;
    std::vector<pid_t> own_threads;
    address_range stack;
    address_range signal_stack;
};

// Everything that allocates comes before or after the halt.
void search_all(std::span<runtime_core* const> runtimes, void* argument) {
    auto& wanted = *static_cast<search_request*>(argument);
    memory_words memory;
    std::span<std::uint64_t> ids;
    std::size_t count = 0;
    {
        const stopped_world world;
        if (!world.complete()) {
            wanted.found.result = search_result::threads_go_on;
            return;
        }
        halted_coroutines coroutines{world, runtimes, wanted.asker_sp, memory};
        memory.leave_out(wanted.stack);
        memory.leave_out(wanted.signal_stack);
        leave_out_own_records(runtimes, memory);
        leave_out_idle_stacks(world, runtimes, wanted.own_threads, memory);
        reachability reached{coroutines, memory};
        ids = memory.reserve<std::uint64_t>(coroutines.all().size() + 1);
        if (!coroutines.complete() || ids.empty() || !reached.spread(memory)) {
            wanted.found.result = search_result::memory_unseen;
            return;
        }
        for (const halted_coroutine& one : coroutines.all()) {
            if (one.is == halted_coroutine::prospect::waiting) ids[count++] = one.record->id;
        }
    }
    wanted.found.ids.assign(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(count));
    std::ranges::sort(wanted.found.ids);
}

} // namespace

unreachable_coroutines find_unreachable(const void* asker) {
    search_request wanted{
        {}, reinterpret_cast<std::uint64_t>(asker), own_threads(), own_stack(), own_signal_stack()};
    with_runtimes(search_all, &wanted);
    return std::move(wanted.found);
}

} // namespace coir::detail
