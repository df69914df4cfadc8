// SPDX-License-Identifier: MIT
// Owns the coroutine-locals: who has which place in the tables, and the tables.
//
// A place is used again when its local has been destroyed; the generation tells a value of the old
// one, which is then destroyed when it is met, or at its coroutine's end.

#include "task/local.hpp"

#include "sched/worker.hpp"

#include <coir/local.hpp>

#include <memory>
#include <mutex>
#include <vector>

namespace coir::detail {

struct coroutine_locals {
    struct entry {
        std::uint64_t generation = 0; ///< 0: empty
        void* value = nullptr;
        const local_type* type = nullptr;
    };
    std::vector<entry> entries;

    ~coroutine_locals() { clear(); }

    // A destructor may use locals, even this one, so each is out of the table before it is
    // destroyed.
    void clear() noexcept {
        while (!entries.empty()) {
            const entry last = entries.back();
            entries.pop_back();
            if (last.generation != 0) last.type->destroy(last.value);
        }
    }
};

namespace {

struct key_registry {
    std::mutex lock;
    std::vector<std::size_t> free_places;
    std::size_t places = 0;
    std::uint64_t generations = 0;
};

key_registry& keys() {
    static auto* const kept = new key_registry; // locals may be destroyed after static objects
    return *kept;
}

// The compiler must not keep the address across a switch of threads.
COIR_NOINLINE std::unique_ptr<coroutine_locals>& thread_locals() noexcept {
    static thread_local std::unique_ptr<coroutine_locals> own;
    asm volatile("" ::: "memory");
    return own;
}

coroutine_locals& locals_of_caller() {
    if (coroutine* const self = current_coroutine()) {
        if (self->locals == nullptr) self->locals = new coroutine_locals;
        return *self->locals;
    }
    std::unique_ptr<coroutine_locals>& own = thread_locals();
    if (own == nullptr) own = std::make_unique<coroutine_locals>();
    return *own;
}

const coroutine_locals* existing_locals_of_caller() noexcept {
    const coroutine* const self = current_coroutine();
    return self != nullptr ? self->locals : thread_locals().get();
}

} // namespace

local_key take_local_key() {
    key_registry& all = keys();
    const std::lock_guard guard{all.lock};
    const std::uint64_t generation = ++all.generations;
    if (all.free_places.empty()) {
        all.free_places.reserve(all.places + 1); // so that giving back cannot fail
        return {all.places++, generation};
    }
    const std::size_t place = all.free_places.back();
    all.free_places.pop_back();
    return {place, generation};
}

void give_back_local_key(const local_key& key) noexcept {
    key_registry& all = keys();
    const std::lock_guard guard{all.lock};
    all.free_places.push_back(key.place);
}

void* local_value(const local_key& key, const local_type& type) {
    {
        const coroutine_locals& mine = locals_of_caller();
        if (key.place < mine.entries.size() &&
            mine.entries[key.place].generation == key.generation) {
            return mine.entries[key.place].value;
        }
    }
    // The constructor may use locals, even grow the table: looked up again after it.
    void* const value = type.make();
    coroutine_locals& mine = locals_of_caller();
    try {
        if (key.place >= mine.entries.size()) mine.entries.resize(key.place + 1);
    } catch (...) {
        type.destroy(value);
        throw;
    }
    const auto old = std::exchange(mine.entries[key.place], {key.generation, value, &type});
    if (old.generation != 0) old.type->destroy(old.value);
    return value;
}

void inherit_locals(coroutine& child) {
    const coroutine_locals* const parent = existing_locals_of_caller();
    if (parent == nullptr) return;
    auto copies = std::make_unique<coroutine_locals>();
    for (std::size_t place = 0; place < parent->entries.size(); ++place) {
        const coroutine_locals::entry value = parent->entries[place];
        if (value.generation == 0 || value.type->copy == nullptr) continue;
        copies->entries.resize(place + 1);
        copies->entries[place].value = value.type->copy(value.value);
        copies->entries[place].type = value.type;
        copies->entries[place].generation = value.generation;
    }
    if (!copies->entries.empty()) child.locals = copies.release();
}

void drop_locals(coroutine& co) noexcept {
    while (co.locals != nullptr) {
        co.locals->clear();
        delete std::exchange(co.locals, nullptr); // a destructor may have made it anew meanwhile
    }
}

} // namespace coir::detail
