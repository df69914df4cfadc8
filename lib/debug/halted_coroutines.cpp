// SPDX-License-Identifier: MIT
#include "debug/halted_coroutines.hpp"

#include "debug/registers.hpp"
#include "debug/stopped_world.hpp"
#include "sched/runtime_core.hpp"
#include "timer/clock.hpp"
#include "wait/claim.hpp"

#include <coir/detail/select_entry.hpp>
#include <coir/sync/mutex.hpp>

#include <algorithm>

namespace coir::detail {
namespace {

std::uint64_t address_of(const void* object) noexcept {
    return reinterpret_cast<std::uint64_t>(object);
}

// Until a new record's pin is set, its callable may be all that holds a channel. One that has ended
// looks different: it was joined, or let go of and belongs to no scope any more.
bool is_being_made(const coroutine& co) noexcept {
    const join_state joining = co.joining.load(std::memory_order_relaxed);
    return joining == join_state::running ||
           (joining == join_state::detached && co.root_scope.parent != nullptr);
}

std::span<select_entry* const> cases_of(const coroutine& co) noexcept {
    const void* const object = co.object.load(std::memory_order_relaxed);
    return *static_cast<const std::span<select_entry* const>*>(object);
}

bool has_ended(const coroutine* co) noexcept {
    return co->joining.load(std::memory_order_relaxed) >= join_state::finishing;
}

// A select that waits for a descriptor or a time is no wait for a peer; nor is one without any case
// that could ever be ready, which says that its caller wants to wait for ever.
bool waits_for_peers(std::span<select_entry* const> cases) noexcept {
    bool any = false;
    for (const select_entry* const one : cases) {
        switch (one->kind) {
        case select_kind::never: break;
        case select_kind::send:
        case select_kind::receive: any = true; break;
        case select_kind::join:
            if (has_ended(one->task)) return false;
            any = true;
            break;
        default: return false;
        }
    }
    return any;
}

bool waits_for_peers(const coroutine& co) noexcept {
    const wait_state state = state_of(co.word.load(std::memory_order_acquire));
    if (state != wait_state::open && state != wait_state::firm) return false;
    if (co.deadline_ns.load(std::memory_order_relaxed) != never_ns) return false;
    if (co.runtime == nullptr || co.runtime->worker_at(0).simulation() != nullptr) return false;
    const void* const object = co.object.load(std::memory_order_relaxed);
    const wait_kind kind = co.kind.load(std::memory_order_relaxed);
    switch (kind) {
    case wait_kind::select: return waits_for_peers(cases_of(co));
    case wait_kind::join: return !has_ended(static_cast<const coroutine*>(object));
    default: return object != nullptr && is_ended_by_peers(kind);
    }
}

} // namespace

halted_coroutines::halted_coroutines(const stopped_world& world,
                                     std::span<runtime_core* const> runtimes,
                                     std::uint64_t asker_sp, memory_words& memory) noexcept {
    list_regions(memory);
    if (!complete_) return;
    std::size_t next = 0;
    stack_depot::instance().for_each_slot([&](stack slot) { look_at(slot, slots_[next++]); });
    note_current(runtimes);
    note_running(world, asker_sp);
    note_awaited(memory);
}

void halted_coroutines::list_regions(memory_words& memory) noexcept {
    std::size_t regions = 0;
    std::size_t slots = 0;
    stack_depot::instance().for_each_region([&](const stack_region& one) {
        ++regions;
        slots += one.handed_out();
    });
    regions_ = memory.reserve<region>(regions + 1);
    slots_ = memory.reserve<halted_coroutine>(slots + 1);
    complete_ = !regions_.empty() && !slots_.empty();
    if (!complete_) return;
    regions_ = regions_.first(regions);
    slots_ = slots_.first(slots);
    std::size_t next = 0;
    std::uint32_t first = 0;
    stack_depot::instance().for_each_region([&](const stack_region& one) {
        const address_range where{address_of(one.begin()), address_of(one.end())};
        regions_[next++] = {where, one.slot_bytes(), first};
        first += static_cast<std::uint32_t>(one.handed_out());
        memory.leave_out(where);
        if (next == 1) all_regions_ = where;
        all_regions_ = {std::min(all_regions_.begin, where.begin),
                        std::max(all_regions_.end, where.end)};
    });
}

void halted_coroutines::look_at(stack slot, halted_coroutine& into) noexcept {
    if (!record_exists(slot.top)) return;
    coroutine& co = coroutine_at(slot.top);
    const bool exists = pins_of(slot.top).load(std::memory_order_relaxed) != 0;
    if (!exists && !is_being_made(co)) return;
    using enum halted_coroutine::prospect;
    into.is = exists && waits_for_peers(co) ? waiting : alive;
    into.record = &co;
    const bool has_stack = exists && co.joining.load(std::memory_order_relaxed) != join_state::done;
    const std::uint64_t low =
        has_stack ? registers_of(co.flow.machine).sp() : address_of(co.payload);
    // The name lies between the callable and the record.
    const void* const end = co.name.empty() ? static_cast<const void*>(&co) : co.name.data();
    const address_range whole{address_of(slot.bottom), address_of(end)};
    into.stack = {whole.contains(low) ? low : whole.end, whole.end};
}

// One that runs may have left its stack for another, of some library: then nobody knows how much of
// it is in use.
void halted_coroutines::note_current(std::span<runtime_core* const> runtimes) noexcept {
    for (runtime_core* const runtime : runtimes) {
        for (std::size_t i = 0; i < runtime->worker_count(); ++i) {
            const coroutine* const co = runtime->worker_at(i).seen_running();
            const std::uint32_t slot = co != nullptr ? slot_at(address_of(co)) : nobody;
            if (slot == nobody || slots_[slot].record != co) continue;
            slots_[slot].is = halted_coroutine::prospect::alive;
            slots_[slot].stack.begin = address_of(co->memory().bottom);
        }
    }
}

// Nearly all that run have halted on their own stacks.
void halted_coroutines::note_running(const stopped_world& world, std::uint64_t asker_sp) noexcept {
    for (const halted_thread& thread : world.threads()) {
        const std::uint32_t slot = slot_at(thread.sp);
        if (slot == nobody || slots_[slot].is == halted_coroutine::prospect::none) continue;
        halted_coroutine& running = slots_[slot];
        running.is = halted_coroutine::prospect::alive;
        running.stack.begin = thread.sp - red_zone_bytes;
        if (slot_at(thread.handler_sp) == slot)
            running.stack.begin = std::min(running.stack.begin, thread.handler_sp);
        if (slot_at(asker_sp) == slot) running.stack.begin = asker_sp;
    }
}

// Calls visit(address, is_known) for each thing that it waits for. Known is who can reach it:
// blocks of our own on the heap, and what lies on a coroutine's stack. Other things may be part of
// something that anybody knows by another address.
template <typename Visit>
void halted_coroutines::for_each_awaited(const halted_coroutine& one, Visit visit) const noexcept {
    const void* const object = one.record->object.load(std::memory_order_relaxed);
    switch (one.record->kind.load(std::memory_order_relaxed)) {
    case wait_kind::send:
    case wait_kind::receive: visit(object, true); break;
    case wait_kind::select:
        for (const select_entry* const entry : cases_of(*one.record)) {
            if (entry->kind == select_kind::join) visit(entry->task, true);
            if (entry->channel != nullptr) visit(entry->channel, true);
        }
        break;
    case wait_kind::group: visit(object, true); break;
    case wait_kind::mutex:
        if (const coroutine* const holder = holder_of(object)) {
            visit(holder, true);
            break;
        }
        [[fallthrough]];
    default: visit(object, slot_at(address_of(object)) != nobody);
    }
}

// The mutex knows on which stack it was locked. Below the part in use it may be another's.
const coroutine* halted_coroutines::holder_of(const void* mutex) const noexcept {
    const auto* const state = static_cast<const mutex_state*>(mutex);
    const std::uint64_t locked_at = ~state->locked_at.load(std::memory_order_relaxed);
    const std::uint32_t slot = slot_at(locked_at);
    if (slot == nobody || !slots_[slot].stack.contains(locked_at)) return nullptr;
    return slots_[slot].record;
}

void halted_coroutines::note_awaited(memory_words& memory) noexcept {
    std::size_t count = 0;
    for (halted_coroutine& one : slots_) {
        if (one.is != halted_coroutine::prospect::waiting) continue;
        for_each_awaited(one, [&](const void*, bool is_known) {
            ++count;
            if (!is_known) one.is = halted_coroutine::prospect::alive;
        });
    }
    const std::span<awaited_thing> found = memory.reserve<awaited_thing>(count + 1);
    complete_ = !found.empty();
    if (!complete_) return;
    std::size_t next = 0;
    for (std::uint32_t i = 0; i < slots_.size(); ++i) {
        if (slots_[i].is != halted_coroutine::prospect::waiting) continue;
        for_each_awaited(slots_[i],
                         [&](const void* what, bool) { found[next++] = {address_of(what), i}; });
    }
    awaited_ = found.first(next);
    std::ranges::sort(awaited_, {}, &awaited_thing::where);
}

std::uint32_t halted_coroutines::slot_at(std::uint64_t address) const noexcept {
    if (!all_regions_.contains(address)) return nobody;
    for (const region& one : regions_) {
        if (!one.where.contains(address)) continue;
        const std::uint64_t slot = one.first + (address - one.where.begin) / one.slot_bytes;
        return slot < slots_.size() ? static_cast<std::uint32_t>(slot) : nobody;
    }
    return nobody;
}

} // namespace coir::detail
