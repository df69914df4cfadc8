// SPDX-License-Identifier: MIT
// Protocol: a waiting coroutine's stack is copied between two looks at its claim word (claim.hpp).
// Its registers are saved before the word becomes open, and it cannot run again before the word is
// claimed; so if the word was open with the same epoch both times, the copy is whole. A coroutine
// that is not waiting is copied as it is: perhaps torn, which the unwinder stands.

#include "debug/census.hpp"

#include "debug/thread_stack.hpp"
#include "debug/unwind.hpp"
#include "debug/wait_description.hpp"
#include "sched/runtime_core.hpp"
#include "timer/clock.hpp"
#include "wait/claim.hpp"

#include <algorithm>
#include <unordered_map>

namespace coir::detail {
namespace {

struct running_place {
    const coroutine* co;
    worker* on;
};

class census_taker {
public:
    explicit census_taker(std::span<runtime_core* const> runtimes) : runtimes_{runtimes} {}

    std::vector<coroutine_record> take() {
        for_each_coroutine(
            [](coroutine& co, void* self) { static_cast<census_taker*>(self)->visit(co); }, this);
        std::ranges::sort(records_, [](const auto& a, const auto& b) { return a.id < b.id; });
        name_holders();
        return std::move(records_);
    }

private:
    void visit(coroutine& co) {
        if (co.joining.load(std::memory_order_acquire) >= join_state::finishing) return; // ended
        coroutine_record record;
        record.id = co.id;
        record.name = co.name;
        record.runtime = co.runtime;
        record.session = co.session;
        record.start_site = reinterpret_cast<std::uintptr_t>(co.start_site);
        record.stack_high = reinterpret_cast<std::uintptr_t>(co.memory().top);
        constexpr int tries = 4;
        for (int i = 0; i < tries; ++i) {
            if (see_waiting(co, record) || see_running(co, record)) break;
            if (i + 1 == tries) see_runnable(co, record);
        }
        record.stack_low = veiled_address{copy_.at.sp()};
        record.frames = unwinder_.walk(copy_);
        records_.push_back(std::move(record));
    }

    bool see_waiting(coroutine& co, coroutine_record& record) {
        // acquire: pairs with the release that opened the wait.
        const std::uint64_t before = co.word.load(std::memory_order_acquire);
        const wait_state state = state_of(before);
        if (state == wait_state::none || state == wait_state::claimed) return false;
        copy_saved_stack(co);
        record.kind = co.kind.load(std::memory_order_relaxed);
        record.object = veiled_address{co.object.load(std::memory_order_relaxed)};
        record.waits_ns = monotonic_ns() - co.since_ns.load(std::memory_order_relaxed);
        const std::int64_t deadline_ns = co.deadline_ns.load(std::memory_order_relaxed);
        describe_wait(copy_, deadline_ns, record);
        std::atomic_thread_fence(std::memory_order_acquire); // the copy before the second look
        if (co.word.load(std::memory_order_relaxed) != before) return false;
        record.doing = activity::waiting;
        return true;
    }

    bool see_running(const coroutine& co, coroutine_record& record) {
        const running_place* const place = find_running(co);
        if (place == nullptr) return false;
        record.doing = activity::running;
        record.worker = place->on->index();
        copy_ = {};
        if (!copy_running_stack(place->on->thread(), {co.memory().bottom, co.memory().top},
                                copy_)) {
            copy_.at = {};
            return place->on->seen_running() == &co; // it runs, and does not answer
        }
        return true;
    }

    void see_runnable(const coroutine& co, coroutine_record& record) {
        copy_saved_stack(co);
        record.doing = activity::runnable;
        record.waits_on.clear();
        record.kind = wait_kind::none;
#if COIR_SWITCH_NATIVE
        const auto* const entry = reinterpret_cast<const void*>(&coir_context_entry);
        if (copy_.at.pc == reinterpret_cast<std::uintptr_t>(entry)) {
            record.doing = activity::fresh;
            copy_.at.pc = 0;
        }
#endif
    }

    void copy_saved_stack(const coroutine& co) {
        copy_.at = registers_of(co.flow.machine);
        const auto low = copy_.at.sp();
        const auto bottom = reinterpret_cast<std::uintptr_t>(co.memory().bottom);
        const auto top = reinterpret_cast<std::uintptr_t>(co.memory().top);
        copy_.base = low;
        copy_.bytes.clear();
        if (low < bottom || low >= top) {
            copy_.at = {};
            return;
        }
        constexpr std::size_t most_bytes = std::size_t{1} << 20;
        copy_.bytes.resize(std::min<std::size_t>(top - low, most_bytes));
        copy_racily(copy_.bytes.data(), reinterpret_cast<const std::byte*>(low),
                    copy_.bytes.size());
    }

    const running_place* find_running(const coroutine& co) {
        for (runtime_core* const one : runtimes_) {
            for (std::size_t i = 0; i < one->worker_count(); ++i) {
                worker& candidate = one->worker_at(i);
                if (candidate.seen_running() != &co) continue;
                place_ = {&co, &candidate};
                return &place_;
            }
        }
        return nullptr;
    }

    // A mutex knows on which stack it was locked: whose is that?
    void name_holders() {
        std::vector<const coroutine_record*> by_stack;
        by_stack.reserve(records_.size());
        for (const auto& record : records_) by_stack.push_back(&record);
        std::ranges::sort(by_stack, {}, &coroutine_record::stack_high);
        for (coroutine_record& record : records_) {
            if (record.kind == wait_kind::mutex) name_holder(record, by_stack);
        }
    }

    static void name_holder(coroutine_record& waiting,
                            const std::vector<const coroutine_record*>& by_stack) {
        const auto at = waiting.locked_at.get();
        const auto found =
            std::ranges::upper_bound(by_stack, at, {}, &coroutine_record::stack_high);
        // Below the live part: the function that locked it has returned, and the stack may have
        // another owner by now.
        if (found == by_stack.end() || at < (*found)->stack_low.get() ||
            (*found)->stack_low.get() == 0)
            return;
        waiting.blocked_by = (*found)->id;
        waiting.waits_on += waiting.blocked_by == waiting.id
                                ? ", which it has locked itself"
                                : ", locked by " + name_of_coroutine(**found);
    }

    const std::span<runtime_core* const> runtimes_;
    running_place place_{};
    stack_copy copy_;
    unwinder unwinder_;
    std::vector<coroutine_record> records_;
};

} // namespace

std::vector<coroutine_record> take_census(std::span<runtime_core* const> runtimes) {
    return census_taker{runtimes}.take();
}

} // namespace coir::detail
