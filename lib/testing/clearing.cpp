// SPDX-License-Identifier: MIT
// Owns what a simulation does with those that a failed run leaves: it says who waits on what, and
// cancels them, the newest first.

#include "testing/simulation.hpp"
#include "wait/cancellation.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace coir::detail {
namespace {

constexpr std::size_t shown_waiters = 30;

struct survey {
    runtime_core* core;
    std::vector<coroutine*> alive; ///< pinned, in the order of their ids
};

std::vector<coroutine*> pin_alive(runtime_core& core) {
    survey found{&core, {}};
    for_each_coroutine(
        [](coroutine& co, void* argument) {
            auto& into = *static_cast<survey*>(argument);
            const bool ended = co.joining.load(std::memory_order_relaxed) >= join_state::finishing;
            if (co.runtime == into.core && !ended && try_pin(co)) into.alive.push_back(&co);
        },
        &found);
    std::ranges::sort(found.alive, [](const coroutine* left, const coroutine* right) {
        return left->id < right->id;
    });
    return std::move(found.alive);
}

} // namespace

std::string simulation::describe_waiters() {
    std::string text;
    const std::vector<coroutine*> alive = pin_alive(*core_);
    for (std::size_t i = 0; i < alive.size(); ++i) {
        coroutine* const co = alive[i];
        if (i >= shown_waiters) {
            unpin(*co);
            continue;
        }
        const std::string name = co->name.empty() ? "" : " \"" + std::string{co->name} + "\"";
        const wait_kind kind = co->kind.load(std::memory_order_relaxed);
        text += "  coroutine " + std::to_string(co->id) + name;
        text +=
            kind == wait_kind::none
                ? " is still running\n"
                : " waits on " +
                      interleaving_.wait_text(kind, co->object.load(std::memory_order_relaxed)) +
                      "\n";
        unpin(*co);
    }
    if (alive.size() > shown_waiters) {
        text += "  and " + std::to_string(alive.size() - shown_waiters) + " more\n";
    }
    return text;
}

void simulation::prepare_clearing() {
    core_->own_session().stopping.store(true, std::memory_order_relaxed);
    to_cancel_ = pin_alive(*core_);
}

bool simulation::cancel_newest() {
    if (!core_->own_session().stopping.load(std::memory_order_relaxed)) prepare_clearing();
    if (to_cancel_.empty()) return false;
    coroutine& newest = *to_cancel_.back();
    to_cancel_.pop_back();
    const bool ended = newest.joining.load(std::memory_order_relaxed) >= join_state::finishing;
    if (!ended) cancel(newest.root_scope);
    unpin(newest);
    return true;
}

} // namespace coir::detail
